/**
 * Numbers and bigints as text, so that the server can count with them.
 *
 * Invariant: text is read back only when it is exactly what the number that comes out would be written as.
 * A counter that an incr took past what a number can hold is an error, not a near miss. `decr` fills up
 * with spaces instead of shrinking the item (10 less 1 is stored as `9 `), so spaces behind are skipped.
 */
import { latin1 } from './text.js';

/** Beyond it the server cannot count, and `String(n)` turns to exponents. */
const COUNTER_LIMIT = 2 ** 64;
const BIG_COUNTER_LIMIT = 1n << 64n;

/** No number is written longer, and neither is a decimal bigint: `-2.2250738585072014e-308`. */
const LONGEST_NUMBER = 32;

const SPACE = 0x20;
const ZERO = 0x30;

export function numberText(value: number): string {
  if (Number.isSafeInteger(value)) return value === 0 && 1 / value < 0 ? '-0' : String(value);
  // String(2 ** 63) is rounded to ...776000; an incr would count on from there.
  return isExactInteger(value) ? BigInt(value).toString() : String(value);
}

/** The number written in `text`, or `undefined` when no number is written so. */
export function parseNumber(text: string): number | undefined {
  const value = Number(text);
  return numberText(value) === text ? value : undefined;
}

/** The number in `buffer[start..end)`, or `undefined` when it is none or not exact. */
export function readNumber(buffer: Buffer, start: number, end: number): number | undefined {
  const last = skipSpacesBehind(buffer, start, end);
  const length = last - start;
  const first = buffer[start]! - ZERO;
  // Up to 15 digits are always exact.
  if (length > 0 && length <= 15 && (first !== 0 || length === 1)) {
    let value = 0;
    let at = start;
    for (; at < last; at++) {
      const digit = buffer[at]! - ZERO;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
    }
    if (at === last) return value;
  }
  return length > LONGEST_NUMBER ? undefined : parseNumber(latin1(buffer, start, last));
}

/** Decimal where the server can count with it; beyond, hexadecimal, whose cost grows evenly with the length. */
export function bigintText(value: bigint): string {
  const size = value < 0n ? -value : value;
  if (size < BIG_COUNTER_LIMIT) return value.toString();
  return `${value < 0n ? '-' : ''}0x${size.toString(16)}`;
}

/** The bigint written in `text`, or `undefined` when no bigint is written so. */
export function parseBigint(text: string): bigint | undefined {
  if (text.length <= LONGEST_NUMBER && /^(?:0|-?[1-9]\d*)$/.test(text)) return BigInt(text);
  if (!/^-?0x[1-9a-f][\da-f]*$/.test(text)) return undefined;
  return text.startsWith('-') ? -BigInt(text.slice(1)) : BigInt(text);
}

/** The bigint in `buffer[start..end)`, or `undefined` when it is none. */
export function readBigint(buffer: Buffer, start: number, end: number): bigint | undefined {
  return parseBigint(latin1(buffer, start, skipSpacesBehind(buffer, start, end)));
}

function isExactInteger(value: number): boolean {
  return Number.isInteger(value) && Math.abs(value) < COUNTER_LIMIT;
}

function skipSpacesBehind(buffer: Buffer, start: number, end: number): number {
  let last = end;
  while (last > start && buffer[last - 1] === SPACE) last--;
  return last;
}
