/**
 * The meta commands: `mg ms md ma me mn`, with their flags in the order the client sent them.
 *
 * Invariant: flags are worked through from left to right, and what they change they change at once. That is why
 * `N30 t` shows 30 and `t N30` shows -1, as the server does. What the flags are is read in `meta-flags.ts`.
 */
import { countCas, countDelta, refusal } from './classic.js';
import {
  flagWords,
  LONGEST_OPAQUE,
  type MetaFlags,
  OPAQUE_TOO_LONG,
  readFlags,
  TOO_MANY_WORDS,
} from './meta-flags.js';
import type { Item, Store, StoreMode, StoreOutcome } from './store.js';
import { decodeBase64, encodeBase64, readInt32 } from './text.js';
import { BAD_LINE, type Command, LONGEST_KEY, type Turn } from './turn.js';

const LARGEST_BLOCK = 0x7fff_ffff - 2;

export const metaCommands: ReadonlyMap<string, Command> = new Map<string, Command>([
  ['mn', (turn) => turn.insist('MN')],
  ['mg', metaGet],
  ['ms', metaSet],
  ['md', metaDelete],
  ['ma', metaArithmetic],
  ['me', metaDebug],
]);

/** The part of the checks that all four share; `false` when the answer has been given. */
function opens(turn: Turn): boolean {
  if (turn.count < 2) {
    turn.say('ERROR');
    return false;
  }
  if (turn.words[1]!.length > LONGEST_KEY) {
    turn.insist(BAD_LINE);
    return false;
  }
  if (turn.count > TOO_MANY_WORDS) {
    turn.insist(`CLIENT_ERROR options flags ${turn.verb === 'mg' ? 'are ' : ''}too long`);
    return false;
  }
  return true;
}

function keyFlag(key: string, binary: boolean): string {
  return binary ? ` k${encodeBase64(key)} b` : ` k${key}`;
}

function ttlLeft(store: Store, item: Item): string {
  return item.exptime === 0 ? '-1' : String((item.exptime - store.now()) >>> 0);
}

/** `O` and `k`, for replies without an item; `undefined` when the opaque is too long. */
function echo(turn: Turn, flags: MetaFlags, from: number): string | undefined {
  let out = '';
  for (const word of flagWords(turn, from)) {
    if (word[0] === 'O') {
      if (word.length > LONGEST_OPAQUE) return undefined;
      out += ` ${word}`;
    } else if (word[0] === 'k') {
      out += keyFlag(flags.key, flags.binaryKey);
    }
  }
  return out;
}

function metaGet(turn: Turn): Turn {
  if (!opens(turn)) return turn;
  const { store, counters } = turn.house;
  const flags = readFlags(turn, 2);
  if (flags.error !== undefined) return turn.insist(flags.error);
  let item = store.find(flags.key);
  let created = false;
  if (item === undefined && flags.vivify) {
    if (store.room(flags.key.length, 0, 0) === 'yes') {
      item = store.make(flags.key, 0, 0, Buffer.alloc(0));
      store.link(item, flags.newCas);
      created = true;
    }
  }
  if (item === undefined) {
    counters.read(false);
    const echoed = echo(turn, flags, 2);
    if (echoed === undefined) return turn.insist(OPAQUE_TOO_LONG);
    return flags.quiet ? turn : turn.insist(`EN${echoed}`);
  }
  const bumpEarly = !flags.quietBump && !flags.locks;
  if (bumpEarly) store.bump(item);
  const answer = describeItem(turn, flags, item, created);
  if (answer === undefined) return turn.insist(OPAQUE_TOO_LONG);
  if (!flags.quietBump && !bumpEarly) store.bump(item);
  if (flags.newTtl) counters.touched(true);
  else counters.read(true);
  // 1.6.40 and later: who has this version already is not sent it again.
  const unchanged = turn.house.modern && flags.compare !== undefined && item.cas === flags.compare;
  if (!flags.value || unchanged) return turn.insist(`HD${answer}`);
  turn.parts = [`VA ${item.value.length}${answer}\r\n`, item.value, '\r\n'];
  return turn;
}

/** Works through the flags of an `mg` that found or made its item. */
function describeItem(turn: Turn, flags: MetaFlags, item: Item, created: boolean): string | undefined {
  const { store } = turn.house;
  let out = '';
  let wins = false;
  for (const word of flagWords(turn, 2)) {
    switch (word[0]) {
      case 'T':
        item.exptime = flags.exptime;
        break;
      case 'N':
        if (created) {
          item.exptime = flags.vivifyExptime;
          wins = true;
        }
        break;
      case 'R':
        if (!item.won && !created && item.exptime !== 0 && item.exptime < flags.recacheBelow) wins = true;
        break;
      case 's':
        out += ` s${item.value.length}`;
        break;
      case 't':
        out += ` t${ttlLeft(store, item)}`;
        break;
      case 'c':
        out += ` c${item.cas}`;
        break;
      case 'f':
        out += ` f${item.flags}`;
        break;
      case 'l':
        out += ` l${(store.now() - item.time) >>> 0}`;
        break;
      case 'h':
        out += item.fetched ? ' h1' : ' h0';
        break;
      case 'O':
        if (word.length > LONGEST_OPAQUE) return undefined;
        out += ` ${word}`;
        break;
      case 'k':
        out += keyFlag(item.key, item.binaryKey);
        break;
    }
  }
  if (item.won) out += ' Z';
  if (item.stale) {
    out += ' X';
    wins ||= !item.won;
  }
  if (wins) {
    out += ' W';
    item.won = true;
  }
  return out;
}

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

function metaSet(turn: Turn): Turn {
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

function metaDelete(turn: Turn): Turn {
  if (!opens(turn)) return turn;
  const { store, counters, modern } = turn.house;
  const flags = readFlags(turn, 2);
  if (flags.error !== undefined)
    return turn.insist(modern ? flags.error : 'CLIENT_ERROR invalid or duplicate flag');
  const echoed = echo(turn, flags, 2);
  if (echoed === undefined) return turn.insist(OPAQUE_TOO_LONG);
  let item = store.find(flags.key);
  if (item === undefined || (flags.compare !== undefined && item.cas !== flags.compare)) {
    counters.delete_misses++;
    return turn.insist(`${item === undefined ? 'NF' : 'EX'}${echoed}`);
  }
  if (flags.dropValue) {
    const emptied = store.make(flags.key, flags.clientFlags, flags.exptime, Buffer.alloc(0));
    store.link(emptied, flags.newCas ?? item.cas);
    item = emptied;
  }
  if (flags.stale) {
    if (flags.newTtl) item.exptime = flags.exptime;
    item.stale = true;
    item.won = false;
    item.cas = flags.newCas ?? store.nextCas();
  } else {
    counters.delete_hits++;
    if (!flags.dropValue) store.remove(item);
  }
  return flags.quiet ? turn : turn.insist(`HD${echoed}`);
}

function metaArithmetic(turn: Turn): Turn {
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

function metaDebug(turn: Turn): Turn {
  if (turn.count < 2 || turn.words[1]!.length > LONGEST_KEY) return turn.insist(BAD_LINE);
  const { store, counters } = turn.house;
  counters.cmd_meta++;
  let key: string | undefined = turn.words[1]!;
  if (turn.words[2] === 'b') key = decodeBase64(key);
  if (key === undefined) return turn.insist(BAD_LINE);
  const item = store.find(key);
  if (item === undefined) return turn.insist('EN');
  const expires = item.exptime === 0 ? -1 : (store.now() - item.exptime) | 0;
  const name = item.binaryKey ? encodeBase64(key) : key;
  return turn.insist(
    `ME ${name} exp=${expires} la=${(store.now() - item.time) >>> 0} cas=${item.cas} ` +
      `fetch=${item.fetched ? 'yes' : 'no'} cls=${store.slabClass(item)} size=${store.sizeOf(item)}`,
  );
}
