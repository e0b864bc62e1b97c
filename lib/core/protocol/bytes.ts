/**
 * Letters of the wire, and the small readers both text protocols share. Pure functions over bytes.
 */
import type { Reply } from '../command/reply.js';
import { Doubt, NEED_MORE } from './protocol.js';

export const CR = 0x0d;
export const LF = 0x0a;
export const SPACE = 0x20;
export const ZERO = 0x30;
export const NINE = 0x39;
export const MINUS = 0x2d;

/** Where the line that starts at `from` ends (the index of its `\r`), or {@link NEED_MORE}. */
export function findLineEnd(bytes: Buffer, from: number, to: number): number {
  for (let i = from; i < to; i++) {
    const byte = bytes[i]!;
    if (byte === LF) throw new Doubt('a line ends without a carriage return');
    if (byte === CR) {
      if (i + 1 >= to) return NEED_MORE;
      if (bytes[i + 1] !== LF) throw new Doubt('a carriage return stands inside a line');
      return i;
    }
  }
  return NEED_MORE;
}

/** Does `text` stand at `from`? False too when the bytes end before it does. */
export function startsWith(bytes: Buffer, from: number, to: number, text: string): boolean {
  if (to - from < text.length) return false;
  for (let i = 0; i < text.length; i++) {
    if (bytes[from + i] !== text.charCodeAt(i)) return false;
  }
  return true;
}

/** Reads all of `bytes[from..to)` as a number of at most 15 digits. */
export function readNumber(bytes: Buffer, from: number, to: number, what: string): number {
  if (to <= from || to - from > 15) throw new Doubt(`${what} is not a number`);
  let number = 0;
  for (let i = from; i < to; i++) {
    const digit = bytes[i]! - ZERO;
    if (digit < 0 || digit > 9) throw new Doubt(`${what} is not a number`);
    number = number * 10 + digit;
  }
  return number;
}

/** The digits in `bytes[from..to)` as text; a trailing space (an item that decr has padded) is dropped. */
export function readDigits(bytes: Buffer, from: number, to: number, what: string): string {
  let end = to;
  while (end > from && bytes[end - 1] === SPACE) end--;
  if (end <= from || end - from > 20) throw new Doubt(`${what} is not a number`);
  for (let i = from; i < end; i++) {
    if (bytes[i]! < ZERO || bytes[i]! > NINE) throw new Doubt(`${what} is not a number`);
  }
  return bytes.toString('latin1', from, end);
}

/** Reads all of `bytes[from..to)` as the CAS id of `reply`; none when both are equal. */
export function readCas(bytes: Buffer, from: number, to: number, reply: Reply): void {
  const isShort = to - from <= 15;
  reply.shortCas = isShort && to > from ? readNumber(bytes, from, to, 'a CAS id') : -1;
  reply.longCas = isShort ? '' : readDigits(bytes, from, to, 'a CAS id');
}

/** The end of a token that starts at `from`: the next space or `\r`, or {@link NEED_MORE}. */
export function tokenEnd(bytes: Buffer, from: number, to: number): number {
  let i = from;
  while (i < to && bytes[i] !== SPACE && bytes[i] !== CR) i++;
  return i < to ? i : NEED_MORE;
}
