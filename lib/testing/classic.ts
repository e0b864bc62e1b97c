/**
 * The classic commands, answered as memcached 1.6.18 answers them, errors and oddities included.
 *
 * Invariant: a command line with an unreadable number or a key that is too long leaves its data block unread, so
 * that the block is run as the next command. That is what 1.6.18 does, and what a client must never provoke.
 * The meta commands live in `meta.ts`, the order of bytes in `session.ts`.
 */
import type { Item, StoreMode } from './store.js';
import { readInt32, readUint32, readUint64 } from './text.js';
import { BAD_LINE, type Command, LONGEST_KEY, type Turn } from './turn.js';

const LARGEST_BLOCK = 0x7fff_ffff - 2;

export const classicCommands: ReadonlyMap<string, Command> = new Map<string, Command>([
  ['get', (turn) => retrieve(turn, false, false)],
  ['gets', (turn) => retrieve(turn, true, false)],
  ['gat', (turn) => retrieve(turn, false, true)],
  ['gats', (turn) => retrieve(turn, true, true)],
  ['bget', (turn) => retrieve(turn, false, false)],
  ['set', (turn) => update(turn, 'set')],
  ['add', (turn) => update(turn, 'add')],
  ['replace', (turn) => update(turn, 'replace')],
  ['append', (turn) => update(turn, 'append')],
  ['prepend', (turn) => update(turn, 'prepend')],
  ['cas', (turn) => update(turn, 'cas')],
  ['incr', (turn) => count(turn, true)],
  ['decr', (turn) => count(turn, false)],
  ['delete', remove],
  ['touch', touch],
  ['flush_all', flushAll],
  ['stats', stats],
  ['version', (turn) => turn.say(`VERSION ${turn.house.version}`)],
  ['verbosity', verbosity],
  ['quit', (turn) => turn.close()],
  ['shutdown', (turn) => turn.say('ERROR: shutdown not enabled')],
]);

/** Are there so many words, the command's name included? If not, the answer is a bare `ERROR`. */
function wants(turn: Turn, least: number, most = Number.POSITIVE_INFINITY): boolean {
  if (turn.count >= least && turn.count <= most) return true;
  turn.say('ERROR');
  return false;
}

function retrieve(turn: Turn, withCas: boolean, touching: boolean): Turn {
  if (!wants(turn, 2)) return turn;
  const { store, counters } = turn.house;
  let exptime = 0;
  if (touching) {
    const ttl = readInt32(turn.words[1]);
    if (ttl === undefined) return turn.say('CLIENT_ERROR invalid exptime argument');
    exptime = store.expiry(ttl);
  }
  for (let at = touching ? 2 : 1; at < turn.words.length; at++) {
    const key = turn.words[at]!;
    if (key.length > LONGEST_KEY) {
      turn.say(BAD_LINE);
      if (turn.house.modern) turn.parts.push('\r\n');
      return turn;
    }
    const item = store.find(key);
    if (touching) counters.touched(item !== undefined);
    else counters.read(item !== undefined);
    if (item === undefined) continue;
    store.bump(item);
    if (touching) item.exptime = exptime;
    const cas = withCas ? ` ${item.cas}` : '';
    turn.parts.push(`VALUE ${key} ${item.flags} ${item.value.length}${cas}\r\n`, item.value, '\r\n');
  }
  turn.parts.push('END\r\n');
  return turn;
}

function update(turn: Turn, mode: StoreMode): Turn {
  const casWord = mode === 'cas' ? 1 : 0;
  if (!wants(turn, 5 + casWord, 6 + casWord)) return turn;
  turn.maybeQuiet();
  const { store, counters, modern } = turn.house;
  const key = turn.words[1]!;
  const flags = readUint32(turn.words[2]);
  const ttl = readInt32(turn.words[3]);
  const bytes = readInt32(turn.words[4]);
  const compare = mode === 'cas' ? readUint64(turn.words[5]) : 0n;
  const readable = bytes !== undefined && bytes >= 0 && bytes <= LARGEST_BLOCK;
  if (
    key.length > LONGEST_KEY ||
    flags === undefined ||
    ttl === undefined ||
    compare === undefined ||
    !readable
  ) {
    turn.say(BAD_LINE);
    return modern && readable ? turn.swallow(bytes) : turn;
  }
  const room = store.room(key.length, flags, bytes);
  if (room !== 'yes') {
    turn.say(refusal(turn, room));
    // A value that could not be replaced must not be read as if it had been.
    const old = mode === 'set' ? store.find(key) : undefined;
    if (old !== undefined) store.remove(old);
    return turn.swallow(bytes);
  }
  const exptime = store.expiry(ttl);
  return turn.readBlock(bytes, (block) => {
    counters.cmd_set++;
    if (block === undefined) return turn.say('CLIENT_ERROR bad data chunk');
    const item = store.make(key, flags, exptime, block);
    const { outcome } = store.store(mode, item, compare, false, undefined);
    if (mode === 'cas') countCas(turn, outcome);
    return turn.say(outcome.toUpperCase().replace(' ', '_'));
  });
}

/** Counts a store that was refused for its size and returns what to answer. */
export function refusal(turn: Turn, room: 'too large' | 'no memory'): string {
  if (room === 'too large') {
    turn.house.counters.store_too_large++;
    return 'SERVER_ERROR object too large for cache';
  }
  turn.house.counters.store_no_memory++;
  return 'SERVER_ERROR out of memory storing object';
}

/** Counts what became of a comparison of CAS ids. */
export function countCas(turn: Turn, outcome: string): void {
  if (outcome === 'stored') turn.house.counters.cas_hits++;
  else if (outcome === 'exists') turn.house.counters.cas_badval++;
  else turn.house.counters.cas_misses++;
}

function count(turn: Turn, add: boolean): Turn {
  if (!wants(turn, 3, 4)) return turn;
  turn.maybeQuiet();
  const { store } = turn.house;
  const key = turn.words[1]!;
  if (key.length > LONGEST_KEY) return turn.say(BAD_LINE);
  const delta = readUint64(turn.words[2]);
  if (delta === undefined) return turn.say('CLIENT_ERROR invalid numeric delta argument');
  const outcome = store.delta(key, add, delta, 0n);
  countDelta(turn, add, outcome);
  switch (outcome) {
    case 'not found':
      return turn.say('NOT_FOUND');
    case 'not a number':
      return turn.say('CLIENT_ERROR cannot increment or decrement non-numeric value');
    case 'no memory':
      return turn.say('SERVER_ERROR out of memory');
    case 'exists':
      return turn;
    default:
      return turn.say(outcome.text);
  }
}

/** Counts an incr or decr, classic or meta. */
export function countDelta(turn: Turn, add: boolean, outcome: string | { item: Item }): void {
  const { counters } = turn.house;
  if (typeof outcome === 'object') {
    if (add) counters.incr_hits++;
    else counters.decr_hits++;
  } else if (outcome === 'not found') {
    if (add) counters.incr_misses++;
    else counters.decr_misses++;
  }
}

function remove(turn: Turn): Turn {
  if (!wants(turn, 2, 4)) return turn;
  const key = turn.words[1]!;
  if (turn.count > 2) {
    // Ancient clients send a delay; 0 is still let through.
    const zero = turn.words[2] === '0';
    const quiet = turn.maybeQuiet();
    const known = turn.count === 3 ? zero || quiet : zero && quiet;
    if (!known) return turn.say(`${BAD_LINE}.  Usage: delete <key> [noreply]`);
  }
  if (key.length > LONGEST_KEY) return turn.say(BAD_LINE);
  const { store, counters } = turn.house;
  const item = store.find(key);
  if (item === undefined) {
    counters.delete_misses++;
    return turn.say('NOT_FOUND');
  }
  counters.delete_hits++;
  store.remove(item);
  return turn.say('DELETED');
}

function touch(turn: Turn): Turn {
  if (!wants(turn, 3, 4)) return turn;
  turn.maybeQuiet();
  const key = turn.words[1]!;
  if (key.length > LONGEST_KEY) return turn.say(BAD_LINE);
  const ttl = readInt32(turn.words[2]);
  if (ttl === undefined) return turn.say('CLIENT_ERROR invalid exptime argument');
  const { store, counters } = turn.house;
  const item = store.find(key);
  counters.touched(item !== undefined);
  if (item === undefined) return turn.say('NOT_FOUND');
  store.bump(item);
  item.exptime = store.expiry(ttl);
  return turn.say('TOUCHED');
}

function flushAll(turn: Turn): Turn {
  if (!wants(turn, 1, 3)) return turn;
  turn.maybeQuiet();
  turn.house.counters.cmd_flush++;
  let delay = 0;
  if (turn.count !== (turn.noreply ? 2 : 1)) {
    const given = readInt32(turn.words[1]);
    if (given === undefined) return turn.say('CLIENT_ERROR invalid exptime argument');
    delay = given;
  }
  turn.house.store.flush(delay);
  return turn.say('OK');
}

function verbosity(turn: Turn): Turn {
  if (!wants(turn, 2, 3)) return turn;
  turn.maybeQuiet();
  return turn.say(readUint32(turn.words[1]) === undefined ? BAD_LINE : 'OK');
}

function stats(turn: Turn): Turn {
  const topic = turn.words[1];
  if (topic === 'reset') {
    turn.house.counters.reset();
    return turn.say('RESET');
  }
  if (topic === 'detail') {
    if (['on', 'off'].includes(turn.words[2] ?? '')) return turn.say('OK');
    return turn.say('CLIENT_ERROR usage: stats detail on|off|dump');
  }
  const lines = turn.house.stats(topic);
  if (lines === undefined) return turn.say('ERROR');
  turn.parts = [...lines.map((line) => `STAT ${line}\r\n`), 'END\r\n'];
  return turn;
}
