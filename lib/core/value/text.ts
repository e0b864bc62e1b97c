/**
 * Strings as bytes and back.
 *
 * Invariant: a string comes out as it went in. UTF-8 has no place for half a surrogate pair, so such a
 * string is not `wellFormed` and has to travel otherwise; bytes that are not UTF-8 are never patched up.
 */
import { Buffer, isUtf8 } from 'node:buffer';

/** The methods behind `toString(encoding)`: a fifth faster on 100 bytes, and there since Node 0.x. */
interface Slices {
  latin1Slice(start: number, end: number): string;
  utf8Slice(start: number, end: number): string;
}
const slices = Buffer.prototype as unknown as Slices;
const { latin1Slice, utf8Slice } = slices;

/** One character per byte. */
export function latin1(buffer: Buffer, start: number, end: number): string {
  return latin1Slice.call(buffer, start, end);
}

/** Measured on 100 characters: 55 ns, a regular expression 200, a loop 400. */
export function isAscii(text: string): boolean {
  return Buffer.byteLength(text) === text.length;
}

/** Does every surrogate have its other half? (In the language since ES2024, in Node since 20.) */
export function isWellFormed(text: string): boolean {
  return (text as string & { isWellFormed(): boolean }).isWellFormed();
}

/**
 * Text that is ASCII nearly always. It need not have stayed so: an append may have brought other
 * characters to an item whose flags are still those of ASCII, and other clients use the same flags for
 * other things. So the bytes are looked at (40 ns), not the promise.
 * @returns `undefined` when the bytes are not UTF-8.
 */
export function readText(buffer: Buffer, start: number, end: number): string | undefined {
  const text = latin1Slice.call(buffer, start, end);
  return isAscii(text) ? text : readUtf8(buffer, start, end);
}

/** @returns `undefined` when the bytes are not UTF-8. */
export function readUtf8(buffer: Buffer, start: number, end: number): string | undefined {
  const text = utf8Slice.call(buffer, start, end);
  // The mark of a replaced byte may also have been written on purpose.
  return text.includes('\ufffd') && !isUtf8(buffer.subarray(start, end)) ? undefined : text;
}
