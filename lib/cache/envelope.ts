/**
 * What is stored around a value: the stamp it belongs to, and how fresh it is.
 *
 * Invariant: `unseal` gives back what `seal` made and nothing else; whether the stamp still counts is for
 * `stamps.ts` to say. A value without tags and freshness carries its generation alone.
 *
 * Text and bytes carry all this in front of them, so that the codec below keeps its fast paths and bytes are
 * not turned into JSON; everything else travels in a pair:
 *
 *     1<stamp>[;<stale seconds>.<fresh until>.<cost>[!<version>]]:<text>
 *
 * A stamp holds no `;` and no `:`. Numbers are written in base 36, the last ones left out when they are 0; a version
 * in base 10, as it may have 63 bits.
 */

/** The layout; a later one gets another digit and is nothing to an older reader. */
const LAYOUT = '1';
const BASE = 36;

const BUFFER = 0x62; // 'b'
const BYTES = 0x75; // 'u', a Uint8Array that is not a Buffer

/** The generation a value belongs to, with the versions of its tags: text that is made in `stamps.ts`. */
export type Stamp = string;

/** What is told of a value to whoever reads it: how long it counts as fresh, and which version of itself it is. */
export interface Freshness {
  /** How many seconds before its end an item begins to be stale; 0: never. */
  readonly staleSeconds: number;
  /** When it begins to be stale, milliseconds since 1970, for servers that do not tell; 0: never. */
  readonly freshUntil: number;
  /** Milliseconds its loader took; 0: not known. */
  readonly cost: number;
  /** Not there for a value that was stored without one. See `versions.ts`. */
  readonly version?: bigint | undefined;
}

/** Fresh for as long as it is there. */
export const ALWAYS_FRESH: Freshness = { staleSeconds: 0, freshUntil: 0, cost: 0 };

/** A value on its way to memcached. */
export interface Item {
  /** As it is stored. */
  readonly key: string;
  readonly value: unknown;
  /** Milliseconds until memcached drops it, 0 for ever. */
  readonly ttl: number;
  readonly freshness: Freshness;
}

/**
 * How long memcached keeps a value, and when it is stale, if it is fresh for `ttl` and servable for `stale`
 * milliseconds more. Without an end there is nothing after it.
 */
export function lifetime(
  ttl: number,
  stale: number,
  wallNow: number,
  cost = 0,
): { ttl: number; freshness: Freshness } {
  if (ttl === 0 || stale === 0) {
    return { ttl, freshness: cost === 0 ? ALWAYS_FRESH : { ...ALWAYS_FRESH, cost } };
  }
  const staleSeconds = Math.ceil(stale / 1_000);
  return { ttl: ttl + staleSeconds * 1_000, freshness: { staleSeconds, freshUntil: wallNow + ttl, cost } };
}

/**
 * Whether an item is beyond its `ttl`.
 * @param ttlSeconds - what the server says is left of it, -1 for ever; `undefined` when it does not say
 */
export function isStale(freshness: Freshness, ttlSeconds: number | undefined, wallNow: number): boolean {
  const { staleSeconds, freshUntil } = freshness;
  if (ttlSeconds === undefined) return freshUntil !== 0 && wallNow >= freshUntil;
  return staleSeconds !== 0 && ttlSeconds >= 0 && ttlSeconds <= staleSeconds;
}

export interface Unsealed {
  readonly stamp: Stamp;
  readonly freshness: Freshness;
  readonly value: unknown;
}

export function seal(stamp: Stamp, freshness: Freshness, value: unknown): unknown {
  const head = LAYOUT + stamp + written(freshness);
  if (typeof value === 'string') return `${head}:${value}`;
  if (isBytes(value)) {
    const sealed = Buffer.allocUnsafe(head.length + 2 + value.length);
    sealed.write(head, 'latin1');
    sealed[head.length] = 0x3a;
    sealed[head.length + 1] = Buffer.isBuffer(value) ? BUFFER : BYTES;
    sealed.set(value, head.length + 2);
    return sealed;
  }
  return [head, value];
}

/** What {@link seal} puts before a value under this stamp that is fresh for as long as it is there. */
export function headOf(stamp: Stamp): string {
  return LAYOUT + stamp;
}

/**
 * {@link unseal}, if it stands under `stamp`, as nearly everything does that is read: then the stamp is compared
 * where it is, and the same text given back.
 */
export function unsealUnder(stamp: Stamp, stored: unknown): Unsealed | undefined {
  const end = stamp.length + 1;
  if (Array.isArray(stored)) {
    const head: unknown = stored[0];
    const value: unknown = stored[1];
    if (stored.length === 2 && typeof head === 'string' && head.length === end && isUnder(stamp, head))
      return value === undefined ? undefined : { stamp, freshness: ALWAYS_FRESH, value };
  } else if (typeof stored === 'string' && stored[end] === ':' && isUnder(stamp, stored)) {
    return { stamp, freshness: ALWAYS_FRESH, value: stored.slice(end + 1) };
  }
  const unsealed = unseal(stored);
  return unsealed?.stamp === stamp ? unsealed : undefined;
}

function isUnder(stamp: Stamp, head: string): boolean {
  return head[0] === LAYOUT && head.startsWith(stamp, 1);
}

/** `undefined` for what was not sealed here. */
export function unseal(stored: unknown): Unsealed | undefined {
  if (typeof stored === 'string') {
    const end = stored.indexOf(':');
    return end < 0 ? undefined : unsealed(stored.slice(0, end), stored.slice(end + 1));
  }
  if (Array.isArray(stored)) {
    const [head, value] = stored;
    return stored.length === 2 && typeof head === 'string' && value !== undefined
      ? unsealed(head, value)
      : undefined;
  }
  if (!Buffer.isBuffer(stored)) return undefined;
  const end = stored.indexOf(0x3a);
  const value = end < 0 ? undefined : bytesOf(stored[end + 1], stored.subarray(end + 2));
  return value === undefined ? undefined : unsealed(stored.toString('latin1', 0, end), value);
}

function unsealed(head: string, value: unknown): Unsealed | undefined {
  if (head[0] !== LAYOUT) return undefined;
  const end = head.indexOf(';');
  if (end < 0) return { stamp: head.slice(1), freshness: ALWAYS_FRESH, value };
  const freshness = readFreshness(head.slice(end + 1));
  return freshness && { stamp: head.slice(1, end), freshness, value };
}

function bytesOf(kind: number | undefined, body: Buffer): Uint8Array | undefined {
  if (kind === BUFFER) return body;
  return kind === BYTES ? new Uint8Array(body.buffer, body.byteOffset, body.byteLength) : undefined;
}

function written({ staleSeconds, freshUntil, cost, version }: Freshness): string {
  if (staleSeconds === 0 && freshUntil === 0 && cost === 0 && version === undefined) return '';
  const parts = [staleSeconds, freshUntil, cost].map((part) => Math.ceil(part).toString(BASE)).join('.');
  return `;${parts.replace(/(\.0)+$/, '')}${version === undefined ? '' : `!${version}`}`;
}

function readFreshness(text: string): Freshness | undefined {
  const mark = text.indexOf('!');
  const numbers = mark < 0 ? text : text.slice(0, mark);
  if (!/^[\da-z]+(\.[\da-z]+){0,2}$/.test(numbers)) return undefined;
  const [staleSeconds = 0, freshUntil = 0, cost = 0] = numbers
    .split('.')
    .map((part) => Number.parseInt(part, BASE));
  if (mark < 0) return { staleSeconds, freshUntil, cost };
  const digits = text.slice(mark + 1);
  return /^\d{1,19}$/.test(digits) ? { staleSeconds, freshUntil, cost, version: BigInt(digits) } : undefined;
}

/** Exactly a Buffer or a Uint8Array: a class derived from them would not come back as one. */
function isBytes(value: unknown): value is Uint8Array {
  if (!(value instanceof Uint8Array)) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Buffer.prototype || prototype === Uint8Array.prototype;
}
