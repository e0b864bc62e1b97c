/**
 * Answers of the classic text protocol. A value names its key, which must be the one that was asked for;
 * `STORED` and numbers name nobody, so for them a lost or doubled line cannot be noticed.
 */
import { type Reply, ReplyKind } from '../../command/reply.js';
import { type Request, Verb } from '../../command/request.js';
import {
  CR,
  findLineEnd,
  LF,
  MINUS,
  readCas,
  readDigits,
  readNumber,
  SPACE,
  startsWith,
  tokenEnd,
  ZERO,
} from '../bytes.js';
import { readErrorLine } from '../error-lines.js';
import { Doubt, NEED_MORE } from '../protocol.js';

const END = 'END\r\n';

export function decodeClassic(
  request: Request,
  bytes: Buffer,
  from: number,
  to: number,
  reply: Reply,
  maxValueBytes: number,
): number {
  switch (request.verb) {
    case Verb.get:
    case Verb.gat:
    case Verb.peek:
      return decodeSingle(request, bytes, from, to, reply, maxValueBytes);
    case Verb.gets:
    case Verb.getBatch:
    case Verb.getConfirmed:
      return decodeRead(request, bytes, from, to, reply, maxValueBytes);
    default: {
      const lineEnd = findLineEnd(bytes, from, to);
      if (lineEnd === NEED_MORE) return NEED_MORE;
      decodeLine(request, bytes, from, lineEnd, reply);
      return lineEnd + 2;
    }
  }
}

const STORED = { STORED: ReplyKind.done } as const;
const CONDITIONAL = { ...STORED, NOT_STORED: ReplyKind.notStored } as const;
const COUNTED = { NOT_FOUND: ReplyKind.miss } as const;
/** The one-word answers each verb can have. */
const WORDS: Partial<Record<Verb, Readonly<Record<string, ReplyKind>>>> = {
  [Verb.set]: STORED,
  [Verb.add]: CONDITIONAL,
  [Verb.replace]: CONDITIONAL,
  [Verb.append]: CONDITIONAL,
  [Verb.prepend]: CONDITIONAL,
  [Verb.cas]: { ...CONDITIONAL, EXISTS: ReplyKind.exists, NOT_FOUND: ReplyKind.miss },
  [Verb.delete]: { DELETED: ReplyKind.done, NOT_FOUND: ReplyKind.miss },
  // Moxi answers a touch with STORED.
  [Verb.touch]: { TOUCHED: ReplyKind.done, NOT_FOUND: ReplyKind.miss, STORED: ReplyKind.done },
  [Verb.incr]: COUNTED,
  [Verb.decr]: COUNTED,
  [Verb.flushAll]: { OK: ReplyKind.done },
  [Verb.stats]: { END: ReplyKind.done, RESET: ReplyKind.done },
};
const WORDS_BY_VERB = Object.values(Verb).map((verb) => Object.entries(WORDS[verb] ?? {}));

function decodeLine(request: Request, bytes: Buffer, from: number, lineEnd: number, reply: Reply): void {
  const { verb } = request;
  for (const [word, kind] of WORDS_BY_VERB[verb]!) {
    if (lineEnd - from === word.length && startsWith(bytes, from, lineEnd, word)) {
      reply.kind = kind;
      return;
    }
  }
  const first = bytes[from]! - ZERO;
  if ((verb === Verb.incr || verb === Verb.decr) && first >= 0 && first <= 9) {
    reply.text = readDigits(bytes, from, lineEnd, 'a counter');
    reply.kind = ReplyKind.number;
  } else if (verb === Verb.stats && startsWith(bytes, from, lineEnd, 'STAT ')) {
    reply.text = bytes.toString('latin1', from + 'STAT '.length, lineEnd);
    reply.more = true;
    reply.kind = ReplyKind.line;
  } else if (verb === Verb.version && startsWith(bytes, from, lineEnd, 'VERSION ')) {
    reply.text = bytes.toString('latin1', from + 'VERSION '.length, lineEnd);
    reply.kind = ReplyKind.text;
  } else {
    readErrorLine(bytes, from, lineEnd, reply);
  }
}

/** The one value that was asked for and the `END` behind it, or that `END` alone. */
function decodeSingle(
  request: Request,
  bytes: Buffer,
  from: number,
  to: number,
  reply: Reply,
  maxValueBytes: number,
): number {
  const next = readExpected(request.key, bytes, from, to, reply, maxValueBytes);
  if (next === 0 || !startsWith(bytes, next, to, END)) {
    return decodeRead(request, bytes, from, to, reply, maxValueBytes);
  }
  reply.index = 0;
  return next + END.length;
}

/** `VALUE <key> <flags> <bytes> [<cas>]`, its body, and `END`; or `END` alone. */
function decodeRead(
  request: Request,
  bytes: Buffer,
  from: number,
  to: number,
  reply: Reply,
  maxValueBytes: number,
): number {
  const start = readHead(request, bytes, from, to, reply);
  if (start === NEED_MORE) return NEED_MORE;
  if (reply.kind !== ReplyKind.value) return start;
  const length = reply.end;
  if (length > maxValueBytes) {
    throw new Doubt(`a value of ${length} bytes is announced (maxValueSize ${maxValueBytes})`);
  }
  const end = start + length;
  const isBatch = request.keys !== undefined;
  const stop = end + 2 + (isBatch ? 0 : END.length);
  if (stop > to) {
    reply.need = stop - from;
    return NEED_MORE;
  }
  if (bytes[end] !== CR || bytes[end + 1] !== LF)
    throw new Doubt('a value does not end where its length says');
  if (isBatch) {
    request.cursor = reply.index + 1;
    reply.more = true;
  } else if (!startsWith(bytes, end + 2, stop, END)) {
    throw new Doubt('a second value stands where one was asked for');
  }
  reply.buffer = bytes;
  reply.start = start;
  reply.end = end;
  return stop;
}

/** `startsWith(…, 'VALUE ')` where there are enough bytes: without a loop, for it is asked of every value. */
function isValueWord(bytes: Buffer, at: number): boolean {
  return (
    bytes[at] === 0x56 &&
    bytes[at + 1] === 0x41 &&
    bytes[at + 2] === 0x4c &&
    bytes[at + 3] === 0x55 &&
    bytes[at + 4] === 0x45 &&
    bytes[at + 5] === SPACE
  );
}

/**
 * A value as it comes nearly always: whole, of the key that is next, without a CAS id. Read in one go; whatever is
 * otherwise is left to {@link decodeClassic}.
 * @returns where what follows begins; 0 when it is otherwise
 */
export function readExpected(
  key: string,
  bytes: Buffer,
  from: number,
  to: number,
  reply: Reply,
  maxValueBytes: number,
): number {
  let i = from + 'VALUE '.length;
  if (i + key.length + 24 > to || !isValueWord(bytes, from)) return 0;
  for (let at = 0; at < key.length; at++) if (bytes[i++] !== key.charCodeAt(at)) return 0;
  if (bytes[i++] !== SPACE) return 0;
  let flags = 0;
  const flagsStart = i;
  let digit = bytes[i]! - ZERO;
  for (; digit >= 0 && digit <= 9; digit = bytes[++i]! - ZERO) flags = flags * 10 + digit;
  if (i === flagsStart || bytes[i++] !== SPACE) return 0;
  let length = 0;
  const lengthStart = i;
  for (digit = bytes[i]! - ZERO; digit >= 0 && digit <= 9; digit = bytes[++i]! - ZERO)
    length = length * 10 + digit;
  if (i === lengthStart || i - flagsStart > 22 || bytes[i] !== CR || bytes[i + 1] !== LF) return 0;
  const start = i + 2;
  const end = start + length;
  if (length > maxValueBytes || end + 2 > to || bytes[end] !== CR || bytes[end + 1] !== LF) return 0;
  reply.kind = ReplyKind.value;
  reply.flags = flags;
  reply.shortCas = -1;
  reply.longCas = '';
  reply.buffer = bytes;
  reply.start = start;
  reply.end = end;
  return end + 2;
}

/**
 * Any first line of an answer to a read. Fills `kind`; of a value also `index`, `flags`, `cas` and, until the
 * body is there, its length as `end`.
 * @returns where the line ended, or {@link NEED_MORE}
 */
function readHead(request: Request, bytes: Buffer, from: number, to: number, reply: Reply): number {
  const lineEnd = findLineEnd(bytes, from, to);
  if (lineEnd === NEED_MORE) return NEED_MORE;
  if (!startsWith(bytes, from, lineEnd, 'VALUE ')) {
    if (lineEnd - from === 3 && startsWith(bytes, from, lineEnd, 'END')) reply.kind = ReplyKind.miss;
    else if (request.cursor > 0) {
      // Does it end the list or stand inside it? Servers and proxies differ, so nobody can know what follows.
      throw new Doubt('a complaint stands inside a list of values');
    } else readErrorLine(bytes, from, lineEnd, reply);
    return lineEnd + 2;
  }
  const keyStart = from + 'VALUE '.length;
  const keyEnd = tokenEnd(bytes, keyStart, to);
  reply.index = ownerOf(request, bytes, keyStart, keyEnd);
  reply.kind = ReplyKind.value;
  return readHeader(bytes, keyEnd, lineEnd, reply, request.verb === Verb.gets);
}

/** Which of the request's keys stands there. Values come in the order of the keys, each at most once. */
function ownerOf(request: Request, bytes: Buffer, keyStart: number, keyEnd: number): number {
  if (request.keys === undefined) {
    if (isKey(request.key, bytes, keyStart, keyEnd)) return 0;
  } else {
    for (let i = request.cursor; i < request.keys.length; i++) {
      if (isKey(request.keys[i]!, bytes, keyStart, keyEnd)) return i;
    }
  }
  throw new Doubt('a value names a key that was not asked for');
}

function isKey(key: string, bytes: Buffer, start: number, end: number): boolean {
  return end - start === key.length && startsWith(bytes, start, end, key);
}

/** Fills `flags`, `cas` and, until the body is there, its length as `end`. @returns where the body starts. */
function readHeader(bytes: Buffer, keyEnd: number, lineEnd: number, reply: Reply, withCas: boolean): number {
  let at = keyEnd;
  const next = (): [number, number] => {
    if (bytes[at] !== SPACE) throw new Doubt('the line before a value is cut short');
    const start = at + 1;
    at = tokenEnd(bytes, start, lineEnd + 1);
    return [start, at];
  };
  const [flagsStart, flagsEnd] = next();
  // Moxi sends flags of 2^31 and more as negative numbers.
  const negative = bytes[flagsStart] === MINUS;
  const flags = readNumber(bytes, flagsStart + (negative ? 1 : 0), flagsEnd, 'the flags');
  reply.flags = negative ? -flags >>> 0 : flags;
  const [lengthStart, lengthEnd] = next();
  reply.end = readNumber(bytes, lengthStart, lengthEnd, 'the length');
  const [casStart, casEnd] = withCas ? next() : [at, at];
  if (withCas && casEnd === casStart) throw new Doubt('a CAS id is not a number');
  readCas(bytes, casStart, casEnd, reply);
  if (at !== lineEnd) throw new Doubt('the line before a value is too long');
  return lineEnd + 2;
}
