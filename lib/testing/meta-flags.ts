/**
 * The flags of a meta command, read once from left to right before anything is done.
 *
 * Invariant: a duplicate or unknown flag ends the reading at once, an unreadable token does not; the last of those
 * is the one that is reported.
 */
import { decodeBase64, readInt32, readUint32, readUint64 } from './text.js';
import { BAD_LINE, type Turn } from './turn.js';

/** More words than this, the command's name included, are "too long". */
export const TOO_MANY_WORDS = 19;
/** The `O` itself included: 31 characters are left for the client. */
export const LONGEST_OPAQUE = 32;
export const OPAQUE_TOO_LONG = 'CLIENT_ERROR opaque token too long';

export interface MetaFlags {
  /** What to answer instead of doing anything. */
  error: string | undefined;
  /** As stored: decoded when it came in base64. */
  key: string;
  binaryKey: boolean; // b
  quiet: boolean; // q
  value: boolean; // v
  quietBump: boolean; // u: do not count as a read
  /** One of the flags was sent that make the read count only after it was answered. */
  locks: boolean;
  vivify: boolean; // N
  vivifyExptime: number; // N
  recacheBelow: number; // R, as a time, so that TTLs compare directly
  newTtl: boolean; // T
  exptime: number; // T
  clientFlags: number; // F
  compare: bigint | undefined; // C
  newCas: bigint | undefined; // E
  mode: string; // M
  initial: bigint; // J
  delta: bigint; // D
  stale: boolean; // I
  dropValue: boolean; // x
}

export function flagWords(turn: Turn, from: number): readonly string[] {
  return turn.words.slice(from, turn.count);
}

const BAD_TOKEN = 'CLIENT_ERROR bad token in command line format';

/** @param from - index of the first flag: behind the key, for `ms` behind the length. */
export function readFlags(turn: Turn, from: number): MetaFlags {
  const flags: MetaFlags = {
    error: undefined,
    key: turn.words[1]!,
    binaryKey: false,
    quiet: false,
    value: false,
    quietBump: false,
    locks: false,
    vivify: false,
    vivifyExptime: 0,
    recacheBelow: 0,
    newTtl: false,
    exptime: 0,
    clientFlags: 0,
    compare: undefined,
    newCas: undefined,
    mode: '',
    initial: 0n,
    delta: 1n,
    stale: false,
    dropValue: false,
  };
  const seen = new Set<string>();
  for (const word of flagWords(turn, from)) {
    const letter = word[0]!;
    if (seen.has(letter) || letter.charCodeAt(0) >= 127) {
      flags.error = 'CLIENT_ERROR duplicate flag';
      return flags;
    }
    seen.add(letter);
    if (!takeFlag(turn, flags, letter, word.slice(1))) {
      flags.error = 'CLIENT_ERROR invalid flag';
      return flags;
    }
  }
  return flags;
}

/** `false` for a letter this server does not know. */
function takeFlag(turn: Turn, flags: MetaFlags, letter: string, token: string): boolean {
  const { store, modern } = turn.house;
  switch (letter) {
    case 'O':
    case 'P': // for routers in between
    case 'L':
    case 'k':
    case 's':
    case 't':
    case 'c':
    case 'f':
      return true;
    case 'l':
    case 'h':
      flags.locks = true;
      return true;
    case 'v':
      flags.value = true;
      return true;
    case 'u':
      flags.quietBump = true;
      return true;
    case 'q':
      flags.quiet = true;
      return true;
    case 'I':
      flags.stale = true;
      return true;
    case 'b': {
      const decoded = decodeBase64(flags.key);
      if (decoded === undefined) flags.error = 'CLIENT_ERROR error decoding key';
      flags.key = decoded ?? '';
      flags.binaryKey = true;
      return true;
    }
    case 'N':
    case 'T':
    case 'R': {
      flags.locks = true;
      if (letter === 'N') flags.vivify = true;
      const ttl = readInt32(token);
      if (ttl === undefined) {
        flags.error = BAD_TOKEN;
        return true;
      }
      const exptime = store.expiry(ttl);
      if (letter === 'N') flags.vivifyExptime = exptime;
      else if (letter === 'R') flags.recacheBelow = exptime;
      else {
        flags.exptime = exptime;
        flags.newTtl = true;
      }
      return true;
    }
    case 'F': {
      const given = readUint32(token);
      if (given === undefined) flags.error ??= BAD_LINE;
      else flags.clientFlags = given;
      return true;
    }
    case 'C':
      flags.compare = readUint64(token);
      if (flags.compare === undefined) flags.error = BAD_TOKEN;
      return true;
    case 'M':
      if (!modern && token.length !== 1) flags.error = 'CLIENT_ERROR incorrect length for M token';
      else flags.mode = token[0] ?? '';
      return true;
    case 'J': {
      const given = readUint64(token);
      if (given === undefined) flags.error = 'CLIENT_ERROR invalid numeric initial value';
      else flags.initial = given;
      return true;
    }
    case 'D': {
      const given = readUint64(token);
      if (given === undefined) flags.error = 'CLIENT_ERROR invalid numeric delta value';
      else flags.delta = given;
      return true;
    }
    case 'E':
      if (!modern) return false;
      flags.newCas = readUint64(token);
      if (flags.newCas === undefined) flags.error = BAD_TOKEN;
      return true;
    case 'x':
      if (!modern) return false;
      flags.dropValue = true;
      return true;
    default:
      return false;
  }
}
