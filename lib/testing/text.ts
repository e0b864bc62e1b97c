/**
 * How memcached reads its command lines: words between spaces, numbers as C's strtol and strtoul see them,
 * base64 keys. Written apart from the client's own reading on purpose, so that a mistake in one of the two
 * shows as a disagreement instead of cancelling out.
 *
 * Strings hold one byte per character (latin1); nothing here knows sockets or items.
 */

/** Words a line is split into at most, as far as counting them decides about an error. */
const MOST_WORDS = 23;

export interface Words {
  readonly all: readonly string[];
  /** `all.length` as the server counts it: it stops at 23. */
  readonly count: number;
}

/** Only a space separates words; a NUL ends the line, because the server takes it for a C string. */
export function splitLine(line: string): Words {
  const nul = line.indexOf('\0');
  const end = nul === -1 ? line.length : nul;
  const all: string[] = [];
  let from = 0;
  while (from < end) {
    let to = line.indexOf(' ', from);
    if (to === -1 || to > end) to = end;
    if (to > from) all.push(line.slice(from, to));
    from = to + 1;
  }
  return { all, count: Math.min(all.length, MOST_WORDS) };
}

const NUMBER = /^[\t\n\v\f\r ]*([+-]?)(0*)(\d+)(?![^\t\n\v\f\r \0])/;
/** 2^64 has 20 digits. */
const MOST_DIGITS = 20;
const UINT64_MAX = 0xffff_ffff_ffff_ffffn;
const INT64_MAX = 0x7fff_ffff_ffff_ffffn;

/** The low 32 bits of a signed 64-bit number, signed: `4294967306` reads as 10, `2147483648` as negative. */
export function readInt32(text: string | undefined): number | undefined {
  const match = NUMBER.exec(text ?? '');
  if (match === null) return undefined;
  const negative = match[1] === '-';
  const digits = match[3]!;
  if (digits.length <= 9) return negative ? -Number(digits) : Number(digits);
  if (digits.length > MOST_DIGITS) return undefined;
  const value = negative ? -BigInt(digits) : BigInt(digits);
  if (value > INT64_MAX || value < -INT64_MAX - 1n) return undefined;
  return Number(BigInt.asIntN(32, value));
}

/** The low 32 bits of an unsigned 64-bit number: `4294967297` reads as 1, `-1` not at all. */
export function readUint32(text: string | undefined): number | undefined {
  const value = readUint64(text);
  return value === undefined ? undefined : Number(BigInt.asUintN(32, value));
}

/** An unsigned 64-bit number; `undefined` beyond 2^64-1 and for a negative one. */
export function readUint64(text: string | undefined): bigint | undefined {
  const match = NUMBER.exec(text ?? '');
  if (match === null || match[3]!.length > MOST_DIGITS) return undefined;
  const digits = BigInt(match[3]!);
  if (digits > UINT64_MAX) return undefined;
  if (match[1] !== '-') return digits;
  // C turns a negative number round; the server refuses only what then looks negative as a signed number.
  const wrapped = BigInt.asUintN(64, -digits);
  return wrapped > INT64_MAX ? undefined : wrapped;
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** Characters that are not base64 are passed over, as the server does; `undefined` when the rest is no base64. */
export function decodeBase64(text: string): string | undefined {
  let kept = '';
  for (const character of text) if (character === '=' || ALPHABET.includes(character)) kept += character;
  if (kept === '' || kept.length % 4 !== 0) return undefined;
  let out = '';
  for (let at = 0; at < kept.length; at += 4) {
    const four = kept.slice(at, at + 4);
    let bits = 0;
    for (const character of four) bits = (bits << 6) | Math.max(0, ALPHABET.indexOf(character));
    const padding = four.split('=').length - 1;
    if (padding > 2) return undefined;
    const bytes = String.fromCharCode((bits >> 16) & 255, (bits >> 8) & 255, bits & 255);
    out += bytes.slice(0, 3 - padding);
    if (padding > 0) break;
  }
  return out;
}

export function encodeBase64(text: string): string {
  return Buffer.from(text, 'latin1').toString('base64');
}
