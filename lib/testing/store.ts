/**
 * The items of an in-process memcached: expiry, CAS, the stale and won marks, least-recently-used eviction.
 *
 * Invariant: a value's buffer is never changed after it was stored, because replies on their way out share it.
 * Lines, replies and sockets belong to the layers above; time is the clock's.
 */
import type { Clock } from '../core/base/clock.js';
import { readUint64 } from './text.js';

/** Seconds since a minute before the store was made, in 32 unsigned bits, as the server counts them. */
type Seconds = number;

export interface Item {
  readonly key: string;
  flags: number;
  value: Buffer;
  /** When the item ends; 0 is never. */
  exptime: Seconds;
  /** When it was stored or, roughly, last read. */
  time: Seconds;
  cas: bigint;
  /** `X` in replies: whoever reads it should refresh it. */
  stale: boolean;
  /** `Z` in replies: a reader holds the right to refresh it. */
  won: boolean;
  /** `h1` in replies: read at least once. */
  fetched: boolean;
  /** The key came in base64 and goes out in base64. */
  binaryKey: boolean;
}

export type StoreMode =
  | 'set'
  | 'add'
  | 'replace'
  | 'append'
  | 'prepend'
  | 'cas'
  | 'append or add'
  | 'prepend or add';
export type StoreOutcome = 'stored' | 'exists' | 'not found' | 'not stored';
export type DeltaOutcome =
  | 'not found'
  | 'exists'
  | 'not a number'
  | 'no memory'
  | { item: Item; text: string };

const MONTH = 60 * 60 * 24 * 30;
/** Struct, CAS id and the key's final NUL; the value's line end is counted separately. */
const ITEM_OVERHEAD = 48 + 8 + 1;
const LINE_END = 2;

export class Store {
  /** Oldest use first. */
  readonly #items = new Map<string, Item>();
  readonly #clock: Clock;
  readonly #memoryBytes: number;
  readonly #maxItemBytes: number;
  /** Wall clock second that counts as 0. */
  readonly #origin: number;
  readonly #classSizes: number[];
  #lastCas = 0n;
  #flushedAt: Seconds = 0;
  #flushedBelow = 0n;
  bytes = 0;
  evictions = 0;
  totalItems = 0;

  constructor(clock: Clock, memoryBytes: number, maxItemBytes: number) {
    this.#clock = clock;
    this.#memoryBytes = memoryBytes;
    this.#maxItemBytes = maxItemBytes;
    // A fresh server is a minute old already, so that 0 and 1 can mean "never" and "over".
    this.#origin = Math.floor(clock.wallNow() / 1000) - 62;
    this.#classSizes = slabClassSizes(maxItemBytes);
  }

  get size(): number {
    return this.#items.size;
  }

  now(): Seconds {
    return Math.floor(this.#clock.wallNow() / 1000) - this.#origin;
  }

  /** A TTL from the wire: 0 never, up to 30 days relative, above that a date, negative over at once. */
  expiry(ttl: number): Seconds {
    if (ttl === 0) return 0;
    const positive = ttl < 0 ? MONTH + 1 : ttl;
    if (positive <= MONTH) return (positive + this.now()) >>> 0;
    return positive <= this.#origin ? 1 : (positive - this.#origin) >>> 0;
  }

  nextCas(): bigint {
    return ++this.#lastCas;
  }

  /** The live item, untouched; an expired or flushed one is removed on the way. */
  find(key: string): Item | undefined {
    const item = this.#items.get(key);
    if (item === undefined) return undefined;
    if (this.#isFlushed(item) || (item.exptime !== 0 && item.exptime <= this.now())) {
      this.remove(item);
      return undefined;
    }
    return item;
  }

  /** Marks the item as read. */
  bump(item: Item): void {
    if (this.#items.get(item.key) !== item) return;
    // The first read only notes that there was one; the time of the last read is kept from the second on.
    if (item.fetched) item.time = this.now();
    item.fetched = true;
    this.#items.delete(item.key);
    this.#items.set(item.key, item);
  }

  /** What an item takes, as `me` prints it. */
  static itemBytes(keyBytes: number, flags: number, valueBytes: number): number {
    return ITEM_OVERHEAD + keyBytes + (flags === 0 ? 0 : 4) + valueBytes + LINE_END;
  }

  sizeOf(item: Item): number {
    return Store.itemBytes(item.key.length, item.flags, item.value.length);
  }

  slabClass(item: Item): number {
    const bytes = this.sizeOf(item);
    const index = this.#classSizes.findIndex((size) => bytes <= size);
    return (index === -1 ? this.#classSizes.length - 1 : index) + 1;
  }

  /** May a value of this size be stored at all? Asked before its bytes are read. */
  room(keyBytes: number, flags: number, valueBytes: number): 'yes' | 'too large' | 'no memory' {
    const bytes = Store.itemBytes(keyBytes, flags, valueBytes);
    if (bytes > this.#maxItemBytes) return 'too large';
    return bytes > this.#memoryBytes ? 'no memory' : 'yes';
  }

  make(key: string, flags: number, exptime: Seconds, value: Buffer, binaryKey = false): Item {
    const time = this.now();
    return { key, flags, value, exptime, time, cas: 0n, stale: false, won: false, fetched: false, binaryKey };
  }

  /**
   * Stores `item` as `mode` says. `compare` is the CAS id the caller saw, 0 for none; `allowStale` takes an
   * older one too, and the item stays stale. Returns the item that now holds the value (append makes a new one).
   */
  store(
    mode: StoreMode,
    item: Item,
    compare: bigint,
    allowStale: boolean,
    cas: bigint | undefined,
  ): { outcome: StoreOutcome; item: Item } {
    const old = this.find(item.key);
    if (old === undefined) {
      const outcome = withoutOld(mode);
      if (outcome === 'stored') this.link(item, cas);
      return { outcome, item };
    }
    const same = compare === old.cas;
    switch (mode) {
      case 'add':
        this.#items.delete(old.key);
        this.#items.set(old.key, old);
        return { outcome: 'not stored', item };
      case 'cas':
        if (compare === 0n || (!same && !(allowStale && compare < old.cas)))
          return { outcome: 'exists', item };
        if (!same) {
          item.exptime = old.exptime;
          item.stale = true;
          item.won = old.won;
        }
        break;
      case 'append':
      case 'append or add':
      case 'prepend':
      case 'prepend or add': {
        if (compare !== 0n && !same) return { outcome: 'exists', item };
        const halves = mode.startsWith('append') ? [old.value, item.value] : [item.value, old.value];
        const length = old.value.length + item.value.length;
        if (this.room(item.key.length, old.flags, length) !== 'yes') return { outcome: 'not stored', item };
        const joined = this.make(item.key, old.flags, old.exptime, Buffer.concat(halves));
        this.link(joined, cas);
        return { outcome: 'stored', item: joined };
      }
      case 'set':
      case 'replace':
        break;
      default:
        return mode satisfies never;
    }
    this.link(item, cas);
    return { outcome: 'stored', item };
  }

  /** Adds to or takes from a decimal number; `compare` 0 is any. A number that gets shorter keeps its length. */
  delta(key: string, add: boolean, delta: bigint, compare: bigint): DeltaOutcome {
    const item = this.find(key);
    if (item === undefined) return 'not found';
    const length = item.value.length;
    // Only a value in one piece can be a number.
    if (length === 0 || this.sizeOf(item) > this.#classSizes.at(-1)!) return 'not a number';
    if (compare !== 0n && item.cas !== compare) return 'exists';
    const old = readUint64(item.value.toString('latin1'));
    if (old === undefined) return 'not a number';
    const sum = add ? BigInt.asUintN(64, old + delta) : delta > old ? 0n : old - delta;
    const text = sum.toString();
    if (text.length <= length) {
      item.value = Buffer.from(text.padEnd(length, ' '), 'latin1');
      item.cas = this.nextCas();
      this.#items.delete(key);
      this.#items.set(key, item);
      item.time = this.now();
      return { item, text };
    }
    if (this.room(key.length, item.flags, text.length) !== 'yes') return 'no memory';
    const longer = this.make(key, item.flags, item.exptime, Buffer.from(text, 'latin1'));
    this.link(longer, undefined);
    // Replies and a new TTL go by the item that was replaced, as they do in the server.
    item.cas = longer.cas;
    return { item, text };
  }

  /** Puts the item under its key, in place of the old one, and makes room. */
  link(item: Item, cas: bigint | undefined): void {
    const old = this.#items.get(item.key);
    if (old !== undefined) this.remove(old);
    item.cas = cas ?? this.nextCas();
    item.time = this.now();
    this.#items.set(item.key, item);
    this.bytes += this.sizeOf(item);
    this.totalItems++;
    for (const oldest of this.#items.values()) {
      if (this.bytes <= this.#memoryBytes) break;
      this.remove(oldest);
      this.evictions++;
    }
  }

  remove(item: Item): void {
    if (this.#items.get(item.key) !== item) return;
    this.#items.delete(item.key);
    this.bytes -= this.sizeOf(item);
  }

  /** Everything stored until now, or until `delay` seconds from now, ends then. */
  flush(delay: number): void {
    const at = delay > 0 ? this.expiry(delay) : this.now();
    this.#flushedAt = at - 1;
    if (this.#flushedAt <= this.now()) this.#flushedBelow = this.nextCas();
  }

  /** Forgets everything, as a restart does. */
  clear(): void {
    this.#items.clear();
    this.bytes = 0;
    this.#flushedAt = 0;
    this.#flushedBelow = 0n;
  }

  #isFlushed(item: Item): boolean {
    if (this.#flushedAt === 0 || this.#flushedAt > this.now()) return false;
    return item.time <= this.#flushedAt || (item.cas !== 0n && item.cas < this.#flushedBelow);
  }
}

function withoutOld(mode: StoreMode): StoreOutcome {
  switch (mode) {
    case 'set':
    case 'add':
    case 'append or add':
    case 'prepend or add':
      return 'stored';
    case 'cas':
      return 'not found';
    case 'replace':
    case 'append':
    case 'prepend':
      return 'not stored';
    default:
      return mode satisfies never;
  }
}

/** Item sizes grow by a quarter from class to class, up to half a page; only `me` and `stats` show it. */
function slabClassSizes(maxItemBytes: number): number[] {
  const largest = Math.min(maxItemBytes, 1024 * 1024) / 2;
  const sizes: number[] = [];
  for (let size = 96; size < largest / 1.25; size = Math.floor(size * 1.25)) {
    size = Math.ceil(size / 8) * 8;
    sizes.push(size);
  }
  return [...sizes, largest];
}
