/**
 * What all views of one namespace share: its work under way, its generations, its counters.
 *
 * Invariant: a namespace has one room in a cache and its views, however often the view is made, so one load
 * per key is one load. Rooms that no view holds any more are forgotten: namespaces may be made by the
 * thousand.
 */
import type { Clock } from '../core/base/clock.js';
import { MemcachedOptionError } from '../core/base/errors.js';
import { Crowd } from './crowd.js';
import { Keyspace } from './keys.js';
import { Mark, Marking } from './marks.js';
import { NearStore } from './near.js';
import { Ledger } from './outcomes.js';
import type { CacheLog, CachePool } from './ports.js';
import { Reader } from './reader.js';
import type { CallSetting } from './refill/call.js';
import type { Brought } from './refill/loads.js';
import { Refill } from './refill/refill.js';
import { SingleFlight, type Solo } from './single-flight.js';
import { Stamps } from './stamps.js';
import { Tags } from './tags.js';
import { Trouble } from './trouble.js';
import { Writer } from './writer.js';

export class Room implements CallSetting {
  readonly flights: SingleFlight<Brought>;
  readonly ledger: Ledger;
  readonly reader: Reader;
  readonly writer: Writer;
  readonly refill: Refill;

  constructor(
    pool: CachePool,
    namespace: string,
    readonly clock: Clock,
    random: () => number,
    trouble: Trouble,
    crowdOf: () => Crowd<Solo<Brought>>,
  ) {
    this.flights = new SingleFlight(clock, crowdOf);
    this.ledger = new Ledger(pool.name, namespace, clock);
    const marking = new Marking(pool, clock, (error, during) => {
      if (during === 'use') trouble.failed(error);
      else trouble.unconfirmed(during, error);
    });
    const generation = new Mark(marking, new Keyspace(namespace, 'strict').generation, 'clear');
    const stamps = new Stamps(marking, generation, new Tags(marking, namespace, generation));
    const { counts } = this.ledger;
    this.reader = new Reader(pool, stamps, trouble, counts, clock);
    this.writer = new Writer(pool, stamps, trouble, counts, namespace);
    const { flights } = this;
    this.refill = new Refill({ pool, stamps, flights, counts, clock, random, trouble, namespace });
  }
}

export class Rooms {
  readonly trouble: Trouble;
  /** What is kept in this process; `undefined` while nobody wants anything kept. */
  near: NearStore | undefined = undefined;
  /** One for all: it takes more memory than a room. */
  #crowd: Crowd<Solo<Brought>> | undefined;
  readonly #crowdOf = (): Crowd<Solo<Brought>> => {
    this.#crowd ??= new Crowd();
    return this.#crowd;
  };
  readonly #rooms = new Map<string, WeakRef<Room>>();
  readonly #left = new FinalizationRegistry<string>((namespace) => {
    if (this.#rooms.get(namespace)?.deref() === undefined) this.#rooms.delete(namespace);
  });

  constructor(
    readonly pool: CachePool,
    readonly clock: Clock,
    readonly random: () => number,
    log: CacheLog | undefined,
  ) {
    this.trouble = new Trouble(log, clock);
  }

  /**
   * The memory of the near cache: one, made by who first asks for it.
   * @throws MemcachedOptionError
   */
  nearStore(maxBytes: number): NearStore {
    this.near ??= new NearStore(maxBytes);
    if (this.near.maxBytes === maxBytes) return this.near;
    throw new MemcachedOptionError(
      `near: the "maxBytes" of a view must be those of its cache, ${this.near.maxBytes}, not ${maxBytes}: they share one memory.`,
    );
  }

  /** How many namespaces are remembered. */
  get size(): number {
    return this.#rooms.size;
  }

  /** The room of `namespace`, as `toNamespace` made it. */
  of(namespace: string): Room {
    const known = this.#rooms.get(namespace)?.deref();
    if (known !== undefined) return known;
    const room = new Room(this.pool, namespace, this.clock, this.random, this.trouble, this.#crowdOf);
    this.#rooms.set(namespace, new WeakRef(room));
    this.#left.register(room, namespace);
    return room;
  }
}
