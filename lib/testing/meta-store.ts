/**
 * The meta commands that write: `ms` and `ma`.
 *
 * Invariant: an `ms` whose length could be read has its data swallowed, whatever else is wrong with it, so that no
 * value is run as a command; only an unreadable length or a key that is too long leaves the data unread.
 */
import { countCas, countDelta, refusal } from './classic.js';
import { echo, keyFlag, opens, ttlLeft } from './meta-answer.js';
import { flagWords, LONGEST_OPAQUE, type MetaFlags, OPAQUE_TOO_LONG, readFlags } from './meta-flags.js';
import type { Item, StoreMode, StoreOutcome } from './store.js';
import { readInt32 } from './text.js';
import { BAD_LINE, type Turn } from './turn.js';

const LARGEST_BLOCK = 0x7fff_ffff - 2;

const SET_MODES: Readonly<Record<string, StoreMode>> = {
  '': 'set',
  S: 'set',
  E: 'add',
  A: 'append',
  P: 'prepend',
  R: 'replace',
};

const SET_CODES: Readonly<Record<StoreOutcome, string>> = {
  stored: 'HD',
  'not stored': 'NS',
  exists: 'EX',
  'not found': 'NF',
};

export function metaSet(turn: Turn): Turn {
  const { store, counters, modern } = turn.house;
  const bytes = readInt32(turn.words[2]);
  const readable = bytes !== undefined && bytes >= 0 && bytes <= LARGEST_BLOCK;
  if (!opens(turn)) {
    return modern && readable ? turn.swallow(bytes) : turn;
  }
  if (turn.count < 3 || !readable) return turn.insist(BAD_LINE);
  const flags = readFlags(turn, 3);
  const error = flags.error ?? setError(turn, flags);
  if (error !== undefined) {
    turn.insist(error);
    return turn.swallow(bytes);
  }
  let mode = SET_MODES[flags.mode]!;
  if (flags.compare !== undefined && (mode === 'set' || mode === 'replace')) mode = 'cas';
  const vivifies = modern && flags.vivify && (mode === 'append' || mode === 'prepend');
  if (vivifies) mode = mode === 'append' ? 'append or add' : 'prepend or add';
  const exptime = vivifies ? flags.vivifyExptime : flags.exptime;
  const room = store.room(flags.key.length, flags.clientFlags, bytes);
  if (room !== 'yes') {
    turn.insist(refusal(turn, room));
    const old = store.find(flags.key);
    if (old !== undefined) store.remove(old);
    return turn.swallow(bytes);
  }
  return turn.readBlock(bytes, (block) => {
    counters.cmd_set++;
    if (block === undefined) return turn.insist('CLIENT_ERROR bad data chunk');
    const item = store.make(flags.key, flags.clientFlags, exptime, block, flags.binaryKey);
    const allowStale = flags.stale && mode === 'cas';
    const { outcome, item: stored } = store.store(mode, item, flags.compare ?? 0n, allowStale, flags.newCas);
    if (mode === 'cas') countCas(turn, outcome);
    if (outcome === 'stored' && flags.quiet) return turn;
    const cas = outcome === 'stored' ? stored.cas : 0n;
    return turn.insist(`${SET_CODES[outcome]}${describeStored(turn, flags, stored, cas)}`);
  });
}

/** What is wrong with flags that could be read; 1.6.18 looks at the opaque before the mode. */
function setError(turn: Turn, flags: MetaFlags): string | undefined {
  if (SET_MODES[flags.mode] === undefined) return 'CLIENT_ERROR invalid mode for ms M token';
  for (const word of flagWords(turn, 2)) {
    if (word[0] === 'O' && word.length > LONGEST_OPAQUE) return OPAQUE_TOO_LONG;
  }
  return undefined;
}

function describeStored(turn: Turn, flags: MetaFlags, item: Item, cas: bigint): string {
  let out = '';
  for (const word of flagWords(turn, 2)) {
    if (word[0] === 'O') out += ` ${word}`;
    else if (word[0] === 'k') out += keyFlag(flags.key, flags.binaryKey);
    else if (word[0] === 'c') out += ` c${cas}`;
    else if (word[0] === 's' && turn.house.modern) out += ` s${item.value.length}`;
  }
  return out;
}

export function metaArithmetic(turn: Turn): Turn {
  if (!opens(turn)) return turn;
  const { store } = turn.house;
  const flags = readFlags(turn, 2);
  if (flags.error !== undefined) return turn.insist('CLIENT_ERROR invalid or duplicate flag');
  if (!['', 'I', '+', 'D', '-'].includes(flags.mode)) {
    return turn.insist('CLIENT_ERROR invalid mode for ma M token');
  }
  const add = flags.mode !== 'D' && flags.mode !== '-';
  const outcome = store.delta(flags.key, add, flags.delta, flags.compare ?? 0n);
  const vivifies = outcome === 'not found' && flags.vivify;
  if (!vivifies) countDelta(turn, add, outcome);
  switch (outcome) {
    case 'not a number':
      return turn.insist('CLIENT_ERROR cannot increment or decrement non-numeric value');
    case 'no memory':
      return turn.insist('SERVER_ERROR out of memory');
    case 'exists':
    case 'not found': {
      if (vivifies) return vivifyNumber(turn, flags);
      const echoed = echo(turn, flags, 2);
      return turn.insist(
        echoed === undefined ? OPAQUE_TOO_LONG : `${outcome === 'exists' ? 'EX' : 'NF'}${echoed}`,
      );
    }
    default:
      if (flags.newCas !== undefined) outcome.item.cas = flags.newCas;
      return answerNumber(turn, flags, outcome.item, outcome.text, false);
  }
}

function vivifyNumber(turn: Turn, flags: MetaFlags): Turn {
  const { store } = turn.house;
  const text = flags.initial.toString();
  if (store.room(flags.key.length, 0, text.length) !== 'yes') {
    return turn.insist('SERVER_ERROR Out of memory allocating new item');
  }
  const item = store.make(flags.key, 0, 0, Buffer.from(text, 'latin1'));
  store.link(item, flags.newCas);
  return answerNumber(turn, flags, item, text, true);
}

function answerNumber(turn: Turn, flags: MetaFlags, item: Item, text: string, created: boolean): Turn {
  const { store, modern } = turn.house;
  let out = flags.value ? `VA ${text.length}` : 'HD';
  for (const word of flagWords(turn, 2)) {
    switch (word[0]) {
      case 'c':
        out += ` c${item.cas}`;
        break;
      case 't':
        out += ` t${ttlLeft(store, item)}`;
        break;
      case 'T':
        item.exptime = flags.exptime;
        break;
      case 'N':
        if (created) item.exptime = flags.vivifyExptime;
        break;
      case 'O':
        if (word.length > LONGEST_OPAQUE) return turn.insist(OPAQUE_TOO_LONG);
        out += ` ${word}`;
        break;
      case 'k':
        out += keyFlag(flags.key, flags.binaryKey);
        break;
    }
  }
  // 1.6.18 keeps quiet about a number that was there, not about one it made.
  if (flags.quiet && (!created || modern)) return turn;
  return turn.insist(flags.value ? `${out}\r\n${text}` : out);
}
