/**
 * The meta commands: `mg ms md ma me mn`, with their flags in the order the client sent them.
 *
 * Invariant: flags are worked through from left to right, and what they change they change at once. That is why
 * `N30 t` shows 30 and `t N30` shows -1, as the server does. What the flags are is read in
 * `meta-flags.ts`; `ms` and `ma` are in `meta-store.ts`.
 */
import { echo, keyFlag, opens, ttlLeft } from './meta-answer.js';
import { flagWords, LONGEST_OPAQUE, type MetaFlags, OPAQUE_TOO_LONG, readFlags } from './meta-flags.js';
import { metaArithmetic, metaSet } from './meta-store.js';
import type { Item } from './store.js';
import { decodeBase64, encodeBase64 } from './text.js';
import { BAD_LINE, type Command, LONGEST_KEY, type Turn } from './turn.js';

export const metaCommands: ReadonlyMap<string, Command> = new Map<string, Command>([
  ['mn', (turn) => turn.insist('MN')],
  ['mg', metaGet],
  ['ms', metaSet],
  ['md', metaDelete],
  ['ma', metaArithmetic],
  ['me', metaDebug],
]);

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
