/**
 * One piece of work per key at a time, shared by all who ask for it while it runs.
 *
 * Invariant: nobody joins work that began before a change to its key was confirmed here, and no work that
 * began before such a change stores anything after it. What the work is, and what each caller gets of its
 * result, is decided by who begins it.
 *
 * Nearly all work is to read a value that is there, and that nobody else asks for before it has come. Such work is a
 * solo: it is found by a number made of its key, which takes a third of the time that the key takes, and a flight
 * is made of it when somebody else does come, or when it takes longer.
 */
import type { Clock } from '../core/base/clock.js';
import type { Crowd } from './crowd.js';
import { Flight, type FlightOwner, Place, type Sharer } from './flight.js';

/** So many keys that nothing runs for keep their place. */
const KEPT = 4_096;

/** Work of one sharer that nobody else waits for. */
export interface Solo<R> {
  /** Of its key, see {@link Crowd}. */
  readonly slot: number;
  readonly own: string;
  readonly flights: SingleFlight<R>;
  /** Who began it, and waits for it. */
  readonly sharer: Sharer<R, unknown>;
  /** What was made of it, if it was. */
  flight: Flight<R> | undefined;
}

export class SingleFlight<R> implements FlightOwner<R> {
  /** By key. */
  #places = new Map<string, Place<R>>();
  /** How many keys have flights. */
  #running = 0;
  #solos = 0;

  #crowd: Crowd<Solo<R>> | undefined;

  /** @param crowdOf - where all work is noted, that of others, too; asked once, for the first work */
  constructor(
    readonly clock: Clock,
    private readonly crowdOf: () => Crowd<Solo<R>>,
  ) {}

  private get crowd(): Crowd<Solo<R>> {
    this.#crowd ??= this.crowdOf();
    return this.#crowd;
  }

  /**
   * Joins the work for `key`, or begins it.
   * @param slot - of the key
   */
  share<T>(key: string, sharer: Sharer<R, T>, slot: number): Promise<T> {
    const { signal } = sharer;
    if (signal?.aborted === true) return Promise.reject(signal.reason);
    this.#reveal(key, slot);
    const place = this.#placeOf(key);
    const { newest } = place;
    const answer = sharer.expect();
    if (newest?.joinable === true && (!sharer.insists || (newest.insisted && !newest.hasTakenTime))) {
      sharer.waits(newest);
      newest.add(sharer, true);
    } else sharer.work(this.#openAt(place, sharer));
    return answer;
  }

  /** A flight for work that `sharer` is about to begin, or has begun. */
  open(key: string, sharer: Sharer<R, unknown>): Flight<R> {
    return this.#openAt(this.#placeOf(key), sharer);
  }

  #openAt(place: Place<R>, sharer: Sharer<R, unknown>): Flight<R> {
    const flight = new Flight<R>(sharer.insists, false, this, place);
    sharer.waits(flight);
    flight.add(sharer, false);
    this.#begun(place, flight);
    return flight;
  }

  /** Work for one sharer that nobody joins, and that no change of its key outdates. */
  alone<T>(sharer: Sharer<R, T>): Promise<T> {
    const { signal } = sharer;
    if (signal?.aborted === true) return Promise.reject(signal.reason);
    const flight = new Flight<R>(sharer.insists, false, this, undefined);
    const answer = sharer.expect();
    sharer.waits(flight);
    flight.add(sharer, false);
    sharer.work(flight);
    return answer;
  }

  // ---- solos ----

  slotOf(key: string): number {
    return this.crowd.slotOf(key);
  }

  /** Whether a solo may begin for keys of this slot: nobody is at work on them. */
  isQuiet(slot: number): boolean {
    return this.crowd.isQuiet(slot);
  }

  /** Said of every solo, before it can end. */
  soloBegun(solo: Solo<R>): void {
    this.#solos++;
    this.crowd.soloBegun(solo.slot, solo);
  }

  /** A solo has a result, for whoever waits by now. */
  soloLanded(solo: Solo<R>, result: R): void {
    if (solo.flight !== undefined) solo.flight.land(result);
    else {
      this.#soloEnded(solo);
      solo.sharer.landed(result, true);
    }
  }

  /** The flight that a solo becomes: others can join it, and changes outdate it. */
  flightOf(solo: Solo<R>): Flight<R> {
    if (solo.flight === undefined) {
      this.#soloEnded(solo);
      solo.flight = this.open(solo.own, solo.sharer);
    }
    return solo.flight;
  }

  #soloEnded(solo: Solo<R>): void {
    this.#solos--;
    this.crowd.soloEnded(solo.slot);
  }

  /** Makes a flight of the solo for `key`, if there is one. */
  #reveal(key: string, slot: number): void {
    const solo = this.crowd.soloAt(slot);
    if (solo?.flights === this && solo.own === key) this.flightOf(solo);
  }

  #revealEach(keys: readonly string[]): void {
    if (this.#solos > 0) for (const key of keys) this.#reveal(key, this.crowd.slotOf(key));
  }

  #revealAll(): void {
    if (this.#solos === 0) return;
    for (const solo of this.crowd.solos()) if (solo.flights === this) this.flightOf(solo);
  }

  // ---- flights ----

  /** Work that nobody joins or waits for, but that is outdated by changes of its key like all other. */
  async apart(key: string, work: (flight: Flight<R>) => Promise<R>): Promise<R> {
    const place = this.#placeOf(key);
    const flight = new Flight<R>(false, true, this, place);
    flight.joinable = false;
    this.#begun(place, flight);
    try {
      return await work(flight);
    } finally {
      this.ended(place, flight);
    }
  }

  #placeOf(key: string): Place<R> {
    let place = this.#places.get(key);
    if (place === undefined) {
      place = new Place<R>(this.crowd.slotOf(key));
      this.#places.set(key, place);
    }
    return place;
  }

  /** Nobody may join what runs for `key`. */
  part(key: string): void {
    this.#revealEach([key]);
    part(this.#places.get(key));
  }

  /** Nobody may join what runs for any key. */
  partAll(): void {
    this.#revealAll();
    for (const place of this.#places.values()) part(place);
  }

  /** Nobody may join what runs for any key, and it stores nothing; a write under way is not waited for. */
  voidAll(): void {
    this.#revealAll();
    for (const place of this.#places.values()) voidAt(place, undefined);
  }

  /**
   * Nobody may join what runs for the keys, and it stores nothing. Writes that are under way, if any, are over
   * when this resolves.
   */
  voidEach(keys: readonly string[]): Promise<unknown> | undefined {
    this.#revealEach(keys);
    if (this.#running === 0) return undefined;
    const storing: Promise<unknown>[] = [];
    for (const key of keys) voidAt(this.#places.get(key), storing);
    return storing.length === 0 ? undefined : Promise.all(storing);
  }

  #begun(place: Place<R>, flight: Flight<R>): void {
    this.crowd.flightBegun(place.slot);
    const { newest } = place;
    // What cannot be joined must not hide what can.
    if (newest?.joinable === true && !flight.joinable) {
      flight.older = newest.older;
      newest.older = flight;
      return;
    }
    if (newest === undefined) this.#running++;
    else newest.joinable = false;
    flight.older = newest;
    place.newest = flight;
  }

  /** Told by the flight. */
  ended(place: Place<R>, ended: Flight<R>): void {
    this.crowd.flightEnded(place.slot);
    if (place.newest === ended) {
      place.newest = ended.older;
      if (ended.older === undefined) this.#left();
      return;
    }
    for (let flight = place.newest; flight !== undefined; flight = flight.older) {
      if (flight.older === ended) flight.older = ended.older;
    }
  }

  /**
   * Keys keep their place for a while: a Map that grows and shrinks with every call leaves tables behind that
   * keep what is long dead from being collected young.
   */
  #left(): void {
    this.#running--;
    if (this.#places.size <= KEPT + this.#running) return;
    this.#places = new Map([...this.#places].filter(([, place]) => place.newest !== undefined));
  }
}

function part(place: Place<unknown> | undefined): void {
  for (let flight = place?.newest; flight !== undefined; flight = flight.older) flight.joinable = false;
}

function voidAt(place: Place<unknown> | undefined, storing: Promise<unknown>[] | undefined): void {
  for (let flight = place?.newest; flight !== undefined; flight = flight.older) {
    flight.joinable = false;
    flight.mayStore = false;
    if (flight.storing !== undefined) storing?.push(flight.storing);
  }
}
