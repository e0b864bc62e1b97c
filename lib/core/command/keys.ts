/**
 * Key rules. Invariant: what {@link toWireKey} returns cannot end a line or split a command, whatever it
 * was made from; nothing else may be written to a socket as a key.
 */
import { createHash } from 'node:crypto';
import { keyPrefix, MemcachedKeyError } from '../base/errors.js';

/** memcached's own limit (protocol.txt, Keys). */
export const MAX_KEY_BYTES = 250;

/** A third less time than a loop over 14 characters takes. */
const NOT_PRINTABLE_ASCII = /[^!-~]/;
const ILLEGAL_IN_UTF8 = /[\u0000-\u0020\u007f-\u009f]/;

/**
 * The key as one character per byte, ready for a latin1 write. ASCII keys are returned as they are.
 * @throws MemcachedKeyError when the key is not a string, empty, longer than 250 bytes of UTF-8, or holds
 * a space, a control character or half a surrogate pair.
 */
export function toWireKey(key: string): string {
  if (typeof key !== 'string') {
    throw new MemcachedKeyError(`A key must be a string, not ${key === null ? 'null' : typeof key}.`);
  }
  const length = key.length;
  if (length === 0) throw new MemcachedKeyError('A key must not be empty.');
  if (length > MAX_KEY_BYTES) throw tooLong(key);
  return holds(NOT_PRINTABLE_ASCII, key) ? toUtf8WireKey(key) : key;
}

/**
 * Keys are mostly made for their call, of parts that the engine has yet to join. An expression makes it do so in the
 * slowest of ways (105 ns for 25 characters); once a character was asked for, they are one text (75 ns with both).
 */
function holds(what: RegExp, key: string): boolean {
  return key.charCodeAt(0) > 0x7e || what.test(key);
}

/** @throws MemcachedKeyError */
function toUtf8WireKey(key: string): string {
  if (!key.isWellFormed() || ILLEGAL_IN_UTF8.test(key)) throw illegal(key);
  const bytes = Buffer.from(key, 'utf8');
  if (bytes.length > MAX_KEY_BYTES) throw tooLong(key);
  return bytes.toString('latin1');
}

function tooLong(key: string): MemcachedKeyError {
  return new MemcachedKeyError(
    `The key ${keyPrefix(key)} has ${Buffer.byteLength(key)} bytes; memcached takes ${MAX_KEY_BYTES} (longKeys: 'digest' shortens such keys).`,
  );
}

function illegal(key: string): MemcachedKeyError {
  return new MemcachedKeyError(
    `The key ${keyPrefix(key)} holds a space, a control character or half a surrogate pair (longKeys: 'digest' replaces such keys).`,
  );
}

/** What stands before a digest. Keys a caller writes with this start are digested too, so none collide. */
const DIGEST_MARK = 'sha256:';
const READABLE_BYTES = 40;
/** What a key without either of these is goes as it is. */
const WORTH_A_LOOK = new RegExp(`${NOT_PRINTABLE_ASCII.source}|${DIGEST_MARK}`);
/** The last such key: who has looked at it hands it on to somebody who must look at it too. A legal one to begin with. */
let lastPlain = 'key';

/** Whether a key goes as it is, whatever the rules for long ones, known from the last time one was looked at. */
export function isKnownPlain(key: string): boolean {
  return key === lastPlain;
}

/**
 * `start` and `key` as one key, when that goes as it is whatever the rules, as nearly all do. Only `key` is looked
 * at: `start` must be plain itself, and end in a character that no mark of a digest holds.
 */
export function plainBehind(start: string, key: string): string | undefined {
  if (start.length + key.length > MAX_KEY_BYTES || holds(WORTH_A_LOOK, key)) return undefined;
  lastPlain = start + key;
  return lastPlain;
}

/** Whether a key goes as it is, whatever the rules. */
export function isPlain(key: string): boolean {
  return key.length > 0 && key.length <= MAX_KEY_BYTES && !holds(WORTH_A_LOOK, key);
}

/**
 * Like {@link toWireKey}, but a key the protocol cannot carry becomes a readable start and its SHA-256.
 * Two different keys never meet: a legal key that looks like a digest is digested as well.
 * @throws MemcachedKeyError when the key is not a string or empty.
 */
export function toDigestedWireKey(key: string): string {
  if (typeof key !== 'string' || key === '') return toWireKey(key);
  if (isPlain(key)) {
    lastPlain = key;
    return key;
  }
  if (key.includes(DIGEST_MARK) || needsDigest(key)) {
    const readable = key.replace(/[^!-~]/g, '_').slice(0, READABLE_BYTES);
    // UTF-16 keeps half surrogate pairs apart, which UTF-8 would turn into one replacement character.
    const digest = createHash('sha256').update(Buffer.from(key, 'utf16le')).digest('base64url');
    return `${readable}${DIGEST_MARK}${digest}`;
  }
  return toUtf8WireKey(key);
}

/** Of a key that is not all printable ASCII. */
function needsDigest(key: string): boolean {
  if (key.length > MAX_KEY_BYTES) return true;
  return !key.isWellFormed() || ILLEGAL_IN_UTF8.test(key) || Buffer.byteLength(key) > MAX_KEY_BYTES;
}
