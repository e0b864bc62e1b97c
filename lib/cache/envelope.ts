/**
 * What is stored around a value: the stamp of the generation it belongs to.
 *
 * Invariant: `open` gives a value back only if its stamp equals the one asked for. A value of another
 * generation, and anything that was not sealed here, is nothing.
 *
 * Text and bytes carry the stamp in front of them, so that the codec below keeps its fast paths and bytes
 * are not turned into JSON; everything else travels in a pair. A stamp ends where the first `:` stands, so
 * more than a generation has room in it. Making generations unique is left to `generations.ts`.
 */

/** The layout; a later one gets another digit and is nothing to an older reader. */
const LAYOUT = '1';

const BUFFER = 0x62; // 'b'
const BYTES = 0x75; // 'u', a Uint8Array that is not a Buffer

export function seal(generation: string, value: unknown): unknown {
  const stamp = LAYOUT + generation;
  if (typeof value === 'string') return `${stamp}:${value}`;
  if (isBytes(value)) {
    const sealed = Buffer.allocUnsafe(stamp.length + 2 + value.length);
    sealed.write(stamp, 'latin1');
    sealed[stamp.length] = 0x3a;
    sealed[stamp.length + 1] = Buffer.isBuffer(value) ? BUFFER : BYTES;
    sealed.set(value, stamp.length + 2);
    return sealed;
  }
  return [stamp, value];
}

/** The value, or `undefined` when it is not of this generation. */
export function open(generation: string, stored: unknown): unknown {
  if (typeof stored === 'string') {
    const end = generation.length + 1;
    const ours = stored.charCodeAt(end) === 0x3a && stored.startsWith(generation, 1) && stored[0] === LAYOUT;
    return ours ? stored.slice(end + 1) : undefined;
  }
  if (Array.isArray(stored)) {
    return stored.length === 2 && stored[0] === LAYOUT + generation ? stored[1] : undefined;
  }
  return Buffer.isBuffer(stored) ? openBytes(generation, stored) : undefined;
}

function openBytes(generation: string, stored: Buffer): Uint8Array | undefined {
  const end = generation.length + 1;
  if (stored.toString('latin1', 0, end + 1) !== `${LAYOUT + generation}:`) return undefined;
  const body = stored.subarray(end + 2);
  if (stored[end + 1] === BUFFER) return body;
  return stored[end + 1] === BYTES
    ? new Uint8Array(body.buffer, body.byteOffset, body.byteLength)
    : undefined;
}

/** Exactly a Buffer or a Uint8Array: a class derived from them would not come back as one. */
function isBytes(value: unknown): value is Uint8Array {
  if (!(value instanceof Uint8Array)) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Buffer.prototype || prototype === Uint8Array.prototype;
}
