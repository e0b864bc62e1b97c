/**
 * Answers of the meta protocol. Two letters say what it is, then flags, among them the opaque that must be
 * the asking request's own.
 *
 * Invariant: a value, a miss or a confirmation is only ever given to the request whose opaque it carries.
 * Complaints (SERVER_ERROR and so on) carry none; for them the order must do.
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
  tokenEnd,
  ZERO,
} from '../bytes.js';
import { readErrorLine } from '../error-lines.js';
import { Doubt, NEED_MORE } from '../protocol.js';

const pair = (letters: string) => (letters.charCodeAt(0) << 8) | letters.charCodeAt(1);
const VA = pair('VA'); // a value follows
const HD = pair('HD'); // done, nothing follows
const EN = pair('EN'); // miss of a get
const NF = pair('NF'); // miss of a delete, arithmetic or CAS
const NS = pair('NS'); // not stored
const EX = pair('EX'); // CAS did not match

const bit = (...kinds: ReplyKind[]) => kinds.reduce<number>((mask, kind) => mask | (1 << kind), 0);
const READ = bit(ReplyKind.value, ReplyKind.miss);
const STORE = bit(ReplyKind.done, ReplyKind.notStored, ReplyKind.exists, ReplyKind.miss);
const REMOVE = bit(ReplyKind.done, ReplyKind.miss, ReplyKind.exists);
/** Which answers each verb can have; anything else is somebody else's. */
const ALLOWED: Partial<Record<Verb, number>> = {
  [Verb.get]: READ,
  [Verb.getConfirmed]: READ,
  [Verb.gets]: READ,
  [Verb.gat]: READ,
  [Verb.peek]: READ | bit(ReplyKind.done),
  [Verb.set]: bit(ReplyKind.done),
  [Verb.setQuietly]: bit(ReplyKind.done),
  [Verb.add]: bit(ReplyKind.done, ReplyKind.notStored),
  [Verb.replace]: bit(ReplyKind.done, ReplyKind.notStored),
  [Verb.append]: bit(ReplyKind.done, ReplyKind.notStored),
  [Verb.prepend]: bit(ReplyKind.done, ReplyKind.notStored),
  [Verb.cas]: STORE,
  [Verb.delete]: REMOVE,
  [Verb.touch]: bit(ReplyKind.done, ReplyKind.miss),
  [Verb.incr]: bit(ReplyKind.value, ReplyKind.miss, ReplyKind.notStored, ReplyKind.exists),
  [Verb.decr]: bit(ReplyKind.value, ReplyKind.miss, ReplyKind.notStored, ReplyKind.exists),
  [Verb.metaGet]: READ | bit(ReplyKind.done),
  [Verb.metaSet]: STORE,
  [Verb.metaDelete]: REMOVE,
};
const ALLOWED_BY_VERB: number[] = Object.values(Verb).map((verb) => ALLOWED[verb] ?? 0);

export function decodeMeta(
  request: Request,
  opaque: number,
  bytes: Buffer,
  from: number,
  to: number,
  reply: Reply,
  maxValueBytes: number,
): number {
  if (to - from < 4) return NEED_MORE;
  const code = (bytes[from]! << 8) | bytes[from + 1]!;
  let length = -1;
  let i = from + 2;
  switch (code) {
    case VA: {
      if (bytes[i] !== SPACE) throw new Doubt('a value has no length');
      length = 0;
      const first = ++i;
      for (; i < to; i++) {
        const digit = bytes[i]! - ZERO;
        if (digit < 0 || digit > 9) break;
        length = length * 10 + digit;
      }
      if (i === to) return NEED_MORE;
      if (i === first || i - first > 10) throw new Doubt('a value has no length');
      reply.kind = ReplyKind.value;
      break;
    }
    case HD:
      reply.kind = ReplyKind.done;
      break;
    case EN:
    case NF:
      reply.kind = ReplyKind.miss;
      break;
    case NS:
      reply.kind = ReplyKind.notStored;
      break;
    case EX:
      reply.kind = ReplyKind.exists;
      break;
    default: {
      const lineEnd = findLineEnd(bytes, from, to);
      if (lineEnd === NEED_MORE) return NEED_MORE;
      readErrorLine(bytes, from, lineEnd, reply);
      return lineEnd + 2;
    }
  }
  const lineFlags = i;
  i = 0;
  const { verb } = request;
  if (verb === Verb.get && length >= 0) i = readGetFlags(bytes, lineFlags, to, opaque, reply);
  else if (verb === Verb.get || verb === Verb.set) i = readOpaque(bytes, lineFlags, to, opaque);
  else if (verb === Verb.metaGet || verb === Verb.peek)
    i = readItemFlags(bytes, lineFlags, to, opaque, reply);
  if (i === 0) i = readFlags(bytes, lineFlags, to, opaque, reply);
  if (i === NEED_MORE) return NEED_MORE;
  if ((ALLOWED_BY_VERB[request.verb]! & (1 << reply.kind)) === 0) {
    throw new Doubt('an answer does not fit the command');
  }
  if (length < 0) return i;
  if (length > maxValueBytes) {
    throw new Doubt(`a value of ${length} bytes is announced (maxValueSize ${maxValueBytes})`);
  }
  const end = i + length;
  if (end + 2 > to) {
    reply.need = end + 2 - from;
    return NEED_MORE;
  }
  if (bytes[end] !== CR || bytes[end + 1] !== LF)
    throw new Doubt('a value does not end where its length says');
  if (request.verb === Verb.incr || request.verb === Verb.decr) {
    reply.kind = ReplyKind.number;
    reply.text = readDigits(bytes, i, end, 'a counter');
  }
  reply.buffer = bytes;
  reply.start = i;
  reply.end = end;
  return end + 2;
}

/**
 * The flags of an answer where nothing but the opaque was asked for, as every server sends them: ` O23` and the
 * end of the line. Nobody may ask the reply for others then.
 * @returns where the line ended; 0 when they look otherwise or are not all there.
 */
function readOpaque(bytes: Buffer, from: number, to: number, opaque: number): number {
  let i = from + 2;
  if (i + 6 > to || bytes[from] !== SPACE || bytes[from + 1] !== 0x4f) return 0;
  let number = 0;
  let digit = bytes[i]! - ZERO;
  while (digit >= 0 && digit <= 9) {
    number = number * 10 + digit;
    digit = bytes[++i]! - ZERO;
  }
  // Zeros before the number may lead beyond what has arrived, into what an earlier read left.
  if (i + 2 > to || number !== opaque || i === from + 2 || bytes[i] !== CR || bytes[i + 1] !== LF) return 0;
  return i + 2;
}

/**
 * The flags of a get's answer as every server sends them: ` f1 O23` and the end of the line.
 * @returns where the line ended; 0 when they look otherwise or are not all there.
 */
function readGetFlags(bytes: Buffer, from: number, to: number, opaque: number, reply: Reply): number {
  let i = from + 2;
  if (i + 16 > to || bytes[from] !== SPACE || bytes[from + 1] !== 0x66) return 0;
  let digit = bytes[i]! - ZERO;
  let flags = 0;
  while (digit >= 0 && digit <= 9) {
    flags = flags * 10 + digit;
    digit = bytes[++i]! - ZERO;
  }
  if (bytes[i] !== SPACE || bytes[i + 1] !== 0x4f || i - from > 10) return 0;
  i += 2;
  const first = i;
  let number = 0;
  digit = bytes[i]! - ZERO;
  while (digit >= 0 && digit <= 9) {
    number = number * 10 + digit;
    digit = bytes[++i]! - ZERO;
  }
  if (i + 2 > to || number !== opaque || i === first || bytes[i] !== CR || bytes[i + 1] !== LF) return 0;
  reply.flags = flags;
  return i + 2;
}

/**
 * The flags of an item that is neither stale nor anybody's to refill, as every server sends them to who looks at
 * one: ` f1 c23 t-1 O45` and the end of the line.
 * @returns where the line ended; 0 when they look otherwise or are not all there.
 */
function readItemFlags(bytes: Buffer, from: number, to: number, opaque: number, reply: Reply): number {
  let i = from + 2;
  if (i + 14 > to || bytes[from] !== SPACE || bytes[from + 1] !== 0x66) return 0;
  let digit = bytes[i]! - ZERO;
  let flags = 0;
  while (digit >= 0 && digit <= 9) {
    flags = flags * 10 + digit;
    digit = bytes[++i]! - ZERO;
  }
  if (bytes[i] !== SPACE || bytes[i + 1] !== 0x63 || i - from > 10) return 0;
  i += 2;
  let first = i;
  let cas = 0;
  digit = bytes[i]! - ZERO;
  while (digit >= 0 && digit <= 9) {
    cas = cas * 10 + digit;
    digit = bytes[++i]! - ZERO;
  }
  // With more digits a number would not hold it exactly.
  if (bytes[i] !== SPACE || bytes[i + 1] !== 0x74 || i === first || i - first > 15) return 0;
  i += 2;
  first = i;
  let ttl = 0;
  if (isForEver(bytes, i)) {
    ttl = -1;
    i += 2;
  } else {
    digit = bytes[i]! - ZERO;
    while (digit >= 0 && digit <= 9) {
      ttl = ttl * 10 + digit;
      digit = bytes[++i]! - ZERO;
    }
  }
  if (i === first || i - first > 10) return 0;
  i = readOpaque(bytes, i, to, opaque);
  if (i === 0) return 0;
  reply.flags = flags;
  reply.shortCas = cas;
  reply.longCas = '';
  reply.ttlSeconds = ttl;
  reply.won = reply.stale = reply.taken = false;
  return i;
}

/** `-1`, the remaining lifetime of what never ends. */
function isForEver(bytes: Buffer, at: number): boolean {
  return bytes[at] === MINUS && bytes[at + 1] === ZERO + 1;
}

/**
 * Flags come in the order they were asked for, W, X and Z in any; so they are read as a set. Servers before
 * 1.6.18 send spaces too many.
 * @returns where the line ended.
 */
function readFlags(bytes: Buffer, from: number, to: number, opaque: number, reply: Reply): number {
  reply.flags = 0;
  readCas(bytes, 0, 0, reply);
  reply.ttlSeconds = undefined;
  reply.won = false;
  reply.stale = false;
  reply.taken = false;
  let named = false;
  let i = from;
  for (;;) {
    if (i >= to) return NEED_MORE;
    const letter = bytes[i]!;
    if (letter === SPACE) {
      i++;
      continue;
    }
    if (letter === CR) {
      if (i + 1 >= to) return NEED_MORE;
      if (bytes[i + 1] !== LF) throw new Doubt('a carriage return stands inside a line');
      if (!named) throw new Doubt('an answer names no request');
      return i + 2;
    }
    if (i === from) throw new Doubt('an answer of more than two letters');
    i++;
    switch (letter) {
      case 0x4f /* O, the opaque */:
      case 0x66 /* f, client flags */:
        {
          let number = 0;
          const first = i;
          for (; i < to; i++) {
            const digit = bytes[i]! - ZERO;
            if (digit < 0 || digit > 9) break;
            number = number * 10 + digit;
          }
          if (i === to) return NEED_MORE;
          if (i === first || i - first > 10) throw new Doubt('a flag has no number');
          if (bytes[i] !== SPACE && bytes[i] !== CR) throw new Doubt('a flag is not a number');
          if (letter === 0x66) reply.flags = number;
          else if (number !== opaque || named) throw new Doubt('an answer names another request');
          else named = true;
          break;
        }
      default: {
        const end = tokenEnd(bytes, i, to);
        if (end === NEED_MORE) return NEED_MORE;
        readRareFlag(letter, bytes, i, end, reply);
        i = end;
      }
    }
  }
}

function readRareFlag(letter: number, bytes: Buffer, from: number, end: number, reply: Reply): void {
  switch (letter) {
    case 0x57 /* W */:
      reply.won = true;
      return;
    case 0x58 /* X */:
      reply.stale = true;
      return;
    case 0x5a /* Z */:
      reply.taken = true;
      return;
    case 0x63 /* c, the CAS id */:
      if (end === from) throw new Doubt('a CAS id is not a number');
      readCas(bytes, from, end, reply);
      return;
    case 0x74 /* t, seconds left */:
      reply.ttlSeconds =
        end - from === 2 && isForEver(bytes, from)
          ? -1
          : readNumber(bytes, from, end, 'a remaining lifetime');
      return;
    case 0x68 /* h, read before */:
      reply.hitBefore = bytes[from] === 0x31;
      return;
    case 0x6c /* l, seconds since the last read */:
      reply.idleSeconds = readNumber(bytes, from, end, 'a time since the last read');
      return;
    default: // k, b, s and whatever a proxy adds: nothing was asked for that needs them
      return;
  }
}
