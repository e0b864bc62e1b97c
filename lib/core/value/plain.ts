/**
 * The fast half of the walk: may a value go through JSON as it stands?
 *
 * Invariant: after `plain`, `JSON.parse(JSON.stringify(value))` equals `value`. `other` is not a refusal:
 * `tree.ts` takes a second, slower look and either finds another way or says what is wrong.
 *
 * A property with a getter counts as the value it gives: that is what an equal object would show.
 */

/**
 * Bytes that may still come. It lives here, not in the arguments, for speed; a getter that starts another
 * walk in the middle of this one only loosens the bound.
 */
let left = 0;

/**
 * @param maxDepth - containers within each other; it also ends the walk through a value that contains itself.
 * @param maxBytes - the walk ends once the JSON is certain to be longer: a small value that refers to the
 * same part again and again can have a text without end.
 */
export function lookAt(value: object, maxDepth: number, maxBytes: number): 'plain' | 'other' | 'too large' {
  left = maxBytes;
  if (isPlain(value, maxDepth)) return 'plain';
  return left < 0 ? 'too large' : 'other';
}

function isPlain(value: object, room: number): boolean {
  left -= 2;
  if (room === 0 || left < 0) return false;
  if (Array.isArray(value)) return isPlainArray(value, room);
  if (Object.getPrototypeOf(value) !== Object.prototype) return false;
  for (const key in value) {
    const part = (value as Record<string, unknown>)[key];
    switch (typeof part) {
      case 'string':
        left -= part.length;
        break;
      case 'number':
        if (!isJsonNumber(part)) return false;
        break;
      case 'boolean':
        break;
      case 'object':
        if (part !== null && !isPlain(part, room - 1)) return false;
        break;
      default:
        return false;
    }
  }
  if (typeof (value as { toJSON?: unknown }).toJSON === 'function') return false;
  return Object.getOwnPropertySymbols(value).length === 0;
}

function isPlainArray(value: unknown[], room: number): boolean {
  if (Object.getPrototypeOf(value) !== Array.prototype) return false;
  left -= value.length;
  for (let i = 0; i < value.length; i++) {
    const part = value[i];
    switch (typeof part) {
      case 'string':
        left -= part.length;
        break;
      case 'number':
        if (!isJsonNumber(part)) return false;
        break;
      case 'boolean':
        break;
      case 'object':
        if (part !== null && !isPlain(part, room - 1)) return false;
        break;
      // A hole reads as undefined.
      default:
        return false;
    }
  }
  if (typeof (value as { toJSON?: unknown }).toJSON === 'function') return false;
  // What hangs on an array besides its elements (a match of a regular expression) is not in the JSON.
  return Object.keys(value).length === value.length && Object.getOwnPropertySymbols(value).length === 0;
}

/** Everything but NaN, the infinities and -0. */
function isJsonNumber(value: number): boolean {
  return value - value === 0 && (value !== 0 || 1 / value > 0);
}
