/**
 * The generation of a namespace: `clear()` makes a new one, and values of any other are nothing.
 *
 * Invariant: a generation is never current twice. It begins with the unix milliseconds of its making and
 * ends in chance, and every attempt to write one makes another, so that neither an evicted key nor a write
 * that arrives late can bring an old one back. What cannot be read is no generation, and without one there
 * is no hit.
 *
 * Where it is kept, and why a hit still costs one round trip:
 * - Each node holds its own copy, under the same key, because a copy on one node only would take the whole
 *   namespace down with that node, and would cost every other node's values a second wait. A value is
 *   compared with the copy on the node its key is routed to. (Behind proxies and with vbuckets nodes cannot
 *   be addressed; there one copy lies where its key is routed to.)
 * - It is read beside the value, in the same turn of the event loop, so both leave in one write. All reads of
 *   a turn share one. Sharing any longer would be wrong: a clear that was confirmed to somebody before this
 *   turn could be overlooked.
 * - It has to exist even in a namespace that was never cleared. If "no key" meant "never cleared", evicting
 *   the key would bring back what was stored before the first clear. So the first writer on a node makes it
 *   with `add`; that is the one extra round trip there is, once in the life of the key.
 * - A plain write is sealed with the generation seen last and sent beside the read that confirms it; only if
 *   a clear by somebody else came between is it sent again (see `writer.ts`).
 */
import { randomBytes } from 'node:crypto';
import type { Clock } from '../core/base/clock.js';
import { MemcachedDecodeError } from '../core/base/errors.js';
import { Turn, type TurnTask } from '../core/base/turn.js';
import type { CallOptions } from '../core/pool/types.js';
import type { CachePool } from './ports.js';

/** On which node a copy is kept; `undefined` where nodes cannot be addressed. */
type NodeName = string | undefined;

/** The generation now; `null` when there is none, so nothing is valid; `undefined` when it could not be read. */
export type Current = string | null | undefined;

const GENERATION = /^[0-9a-z]+\.[\w-]{8}$/;

/** One node's copy, as this process sees it. */
export class Slot implements TurnTask {
  /** The generation seen last; only ever a guess. */
  known: string | undefined = undefined;
  /** The read that this turn's callers share, and the timeout it was sent with. */
  reading: Promise<Current> | undefined = undefined;
  ensuring: Promise<string | undefined> | undefined = undefined;
  readingTimeout: unknown = undefined;
  making: Promise<string | undefined> | undefined = undefined;
  /** What was read last was no generation: the key is taken, so one has to be written over it. */
  taken = false;
  /** A clear could not be written here: until it is, nothing on this node is valid for this process. */
  owed = false;

  constructor(readonly node: NodeName) {}

  endTurn(): void {
    this.reading = undefined;
    this.ensuring = undefined;
  }
}

/** Told of every read or write of a generation that failed, and whether a clear is unconfirmed by it. */
export type GenerationFailure = (error: unknown, during: 'use' | 'clear') => void;

export class Generations {
  readonly #pool: CachePool;
  readonly #key: string;
  readonly #clock: Clock;
  readonly #turn: Turn;
  /** One per node; those of nodes that left go with the next clear. */
  readonly #slots = new Map<NodeName, Slot>();
  readonly #failed: GenerationFailure;
  /** Counts the clears begun here: a write that began before one must not be repeated after it. */
  epoch = 0;

  constructor(pool: CachePool, key: string, clock: Clock, failed: GenerationFailure) {
    this.#pool = pool;
    this.#key = key;
    this.#clock = clock;
    this.#turn = new Turn(clock);
    this.#failed = failed;
  }

  /** The copy that decides over the values stored under `storedKey`. */
  slot(storedKey: string): Slot {
    return this.#slotOf(this.#nodeOf(storedKey));
  }

  /** The generation now, from a read that begins in this turn. Never rejects. */
  current(slot: Slot, call: CallOptions): Promise<Current> {
    if (slot.reading !== undefined) {
      return slot.readingTimeout === call.timeout ? slot.reading : this.#read(slot, call);
    }
    slot.reading = this.#read(slot, call);
    slot.readingTimeout = call.timeout;
    this.#turn.atEnd(slot);
    return slot.reading;
  }

  /** Like {@link current}, but makes one where there is none. Never rejects. */
  ensured(slot: Slot, call: CallOptions): Promise<string | undefined> {
    const reading = this.current(slot, call);
    if (reading !== slot.reading) return this.orMade(reading, slot, call);
    slot.ensuring ??= this.orMade(reading, slot, call);
    return slot.ensuring;
  }

  /** {@link current} for each of some slots, each asked once. */
  currentOf(slots: Iterable<Slot>, call: CallOptions): Promise<Map<Slot, Current>> {
    return each(slots, (slot) => this.current(slot, call));
  }

  /** {@link ensured} for each of some slots, each asked once. */
  ensuredOf(slots: Iterable<Slot>, call: CallOptions): Promise<Map<Slot, string | undefined>> {
    return each(slots, (slot) => this.ensured(slot, call));
  }

  /** Begins a new generation everywhere. `false`: a node did not confirm, and gets it when it is used next. */
  async renew(call: CallOptions): Promise<boolean> {
    this.epoch++;
    const names = this.#nodes();
    for (const name of this.#slots.keys()) if (!names.includes(name)) this.#slots.delete(name);
    const done = await Promise.all(names.map((name) => this.#write(this.#slotOf(name), call, 'clear')));
    return !done.includes(undefined);
  }

  #nodes(): NodeName[] {
    if (this.#nodeOf(this.#key) === undefined) return [undefined];
    return this.#pool.nodes().map((node) => node.name);
  }

  /** A key the pool cannot route fails where it is sent, not here. */
  #nodeOf(key: string): NodeName {
    try {
      return this.#pool.nodeOf?.(key);
    } catch {
      return undefined;
    }
  }

  #slotOf(node: NodeName): Slot {
    let slot = this.#slots.get(node);
    if (slot === undefined) {
      slot = new Slot(node);
      this.#slots.set(node, slot);
    }
    return slot;
  }

  #read(slot: Slot, call: CallOptions): Promise<Current> {
    if (slot.owed) return this.#makeOnce(slot, () => this.#write(slot, call, 'use'));
    return this.#fetch(slot, call);
  }

  async #fetch(slot: Slot, call: CallOptions): Promise<Current> {
    try {
      const text = await this.#pool.get(this.#key, this.#options(slot, call));
      slot.taken = text !== undefined && !(typeof text === 'string' && GENERATION.test(text));
      if (text === undefined || slot.taken) return null;
      slot.known = text as string;
      return slot.known;
    } catch (error) {
      this.#failed(error, 'use');
      slot.taken = error instanceof MemcachedDecodeError;
      return slot.taken ? null : undefined;
    }
  }

  /** What a read of this slot gave, or one that is made now where it gave none. Never rejects. */
  async orMade(reading: Promise<Current>, slot: Slot, call: CallOptions): Promise<string | undefined> {
    const found = await reading;
    if (found !== null) return found;
    return this.#makeOnce(slot, () => (slot.taken ? this.#write(slot, call, 'use') : this.#add(slot, call)));
  }

  /** Callers that find the same copy wanting wait for one repair. */
  #makeOnce(slot: Slot, make: () => Promise<string | undefined>): Promise<string | undefined> {
    slot.making ??= make().finally(() => {
      slot.making = undefined;
    });
    return slot.making;
  }

  async #add(slot: Slot, call: CallOptions): Promise<string | undefined> {
    const made = this.#unique();
    try {
      if (!(await this.#pool.add(this.#key, made, this.#options(slot, call)))) {
        // Somebody else was first; theirs is the one.
        const theirs = await this.#fetch(slot, call);
        // Unless the key is there and reads as nothing: a stub that somebody's lease left, or an empty text.
        return theirs === null ? this.#write(slot, call, 'use') : theirs;
      }
      slot.known = made;
      return made;
    } catch (error) {
      this.#failed(error, 'use');
      return undefined;
    }
  }

  async #write(slot: Slot, call: CallOptions, during: 'use' | 'clear'): Promise<string | undefined> {
    const made = this.#unique();
    slot.known = undefined;
    try {
      await this.#pool.set(this.#key, made, this.#options(slot, call));
      slot.known = made;
      slot.owed = false;
      return made;
    } catch (error) {
      slot.owed = true;
      this.#failed(error, during);
      return undefined;
    }
  }

  /** Without the caller's signal: others may wait for the same answer. Without a TTL: it never ends. */
  #options(slot: Slot, { timeout }: CallOptions): CallOptions {
    return slot.node === undefined ? { timeout } : { timeout, node: slot.node };
  }

  #unique(): string {
    return `${Math.floor(this.#clock.wallNow()).toString(36)}.${randomBytes(6).toString('base64url')}`;
  }
}

async function each<T>(slots: Iterable<Slot>, read: (slot: Slot) => Promise<T>): Promise<Map<Slot, T>> {
  const distinct = [...new Set(slots)];
  const found = await Promise.all(distinct.map(read));
  return new Map(distinct.map((slot, index) => [slot, found[index]!]));
}
