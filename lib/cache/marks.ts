/**
 * Marks: small texts beside the values that say what still counts. The generation of a namespace is one,
 * each tag has one; renewing a mark ends everything that was stored under it.
 *
 * Invariant: a version is never current twice. It begins with the unix milliseconds of its making and ends in
 * chance, and every attempt to write one makes another, so that neither an evicted key nor a write that
 * arrives late can bring an old one back. What cannot be read is no mark, and without it there is no hit.
 *
 * Where a mark is kept, and why a hit still costs one round trip:
 * - Each node holds its own copy, under the same key, because a copy on one node only would take everybody's
 *   values down with that node, and would cost every other node's values a second wait. A value is compared
 *   with the copy on the node its key is routed to. (Behind proxies and with vbuckets nodes cannot be
 *   addressed; there one copy lies where its key is routed to.)
 * - It is read beside the value, in the same turn of the event loop, so both leave in one write. All reads of
 *   a turn share one. Sharing any longer would be wrong: a renewal that was confirmed to somebody before this
 *   turn could be overlooked.
 * - It has to exist even if it was never renewed. If "no key" meant "never renewed", evicting the key would
 *   bring back what was stored before. So the first writer on a node makes it with `add`; that is the one
 *   extra round trip there is, once in the life of the key.
 * - A plain write is sealed with the version seen last and sent beside the read that confirms it; only if a
 *   renewal by somebody else came between is it sent again (see `writer.ts`).
 *
 * A mark that was expired instead of renewed holds the versions before, newest first: what was stored under
 * those may still be served as stale.
 */
import { randomBytes } from 'node:crypto';
import type { Clock } from '../core/base/clock.js';
import { MemcachedDecodeError } from '../core/base/errors.js';
import { Turn, type TurnTask } from '../core/base/turn.js';
import type { CallOptions } from '../core/pool/types.js';
import type { CachePool } from './ports.js';

/** On which node a copy is kept; `undefined` where nodes cannot be addressed. */
export type NodeName = string | undefined;

/**
 * What a mark holds now: its version, then those that are expired, newest first, a space between them. `null`
 * when there is none, so nothing is valid; `undefined` when it could not be read.
 */
export type Current = string | null | undefined;

const VERSION = '[0-9a-z]+\\.[\\w-]{8}';
/** Expired versions that are kept: what is older than so many expiries is gone. */
const MAX_EXPIRED = 8;
const MARK = new RegExp(`^${VERSION}( ${VERSION}){0,${MAX_EXPIRED}}$`);
const EXPIRY_ATTEMPTS = 4;

/** A mark as it is being read. All who asked for it in one turn share one. */
export class MarkRead {
  /** Whether the answer is there. */
  isKnown = false;
  current: Current = undefined;
  #waiting: (() => void) | undefined;
  #others: (() => void)[] | undefined;
  #promise: Promise<Current> | undefined;

  /** Never rejects. */
  get promise(): Promise<Current> {
    if (this.isKnown) return Promise.resolve(this.current);
    this.#promise ??= new Promise((resolve) => this.whenKnown(() => resolve(this.current)));
    return this.#promise;
  }

  /** Calls back when the answer is there. Must not be asked when it is, and not throw. */
  whenKnown(callback: () => void): void {
    if (this.#waiting === undefined) this.#waiting = callback;
    else if (this.#others === undefined) this.#others = [callback];
    else this.#others.push(callback);
  }

  tell(current: Current): void {
    this.isKnown = true;
    this.current = current;
    this.#waiting?.();
    if (this.#others !== undefined) for (const callback of this.#others) callback();
    this.#waiting = this.#others = undefined;
  }
}

/** One node's copy, as this process sees it. */
export class Copy implements TurnTask {
  /** The version seen last; only ever a guess. */
  known: string | undefined = undefined;
  /** {@link Marking.asks} when `known` became known: whatever was asked later began after that. */
  knownSince = 0;
  /** The read that this turn's callers share, and the timeout it was sent with. */
  reading: MarkRead | undefined = undefined;
  ensuring: Promise<string | undefined> | undefined = undefined;
  readingTimeout: unknown = undefined;
  making: Promise<string | undefined> | undefined = undefined;
  /** What was read last was no mark: the key is taken, so one has to be written over it. */
  taken = false;
  /** A renewal could not be written here: until it is, nothing on this node is valid for this process. */
  owed = false;

  constructor(readonly node: NodeName) {}

  endTurn(): void {
    this.reading = undefined;
    this.ensuring = undefined;
  }
}

/** Told of every read or write of a mark that failed, and what is unconfirmed by it. */
export type MarkFailure = (error: unknown, during: 'use' | 'clear' | 'tag') => void;

/** What all marks of a namespace share. */
export class Marking {
  readonly turn: Turn;
  /** Counts what was asked, so that it can be told what came before what. */
  asks = 0;

  constructor(
    readonly pool: CachePool,
    readonly clock: Clock,
    readonly failed: MarkFailure,
  ) {
    this.turn = new Turn(clock);
  }

  /** Where a key goes now. One the pool cannot route fails where it is sent, not here. */
  nodeOf(key: string): NodeName {
    try {
      return this.pool.nodeOf?.(key);
    } catch {
      return undefined;
    }
  }

  unique(): string {
    return `${Math.floor(this.clock.wallNow()).toString(36)}.${randomBytes(6).toString('base64url')}`;
  }
}

export class Mark {
  /** One per node; those of nodes that left go with the next renewal. */
  readonly #copies = new Map<NodeName, Copy>();
  /** Counts the renewals begun here: a write that began before one must not be repeated after it. */
  epoch = 0;
  /** Nobody remembers it: renewals begun here are not counted in it any more. */
  isForgotten = false;

  constructor(
    private readonly marking: Marking,
    readonly key: string,
    private readonly kind: 'clear' | 'tag',
  ) {}

  /** The copy that decides over the values on this node. */
  on(node: NodeName): Copy {
    let copy = this.#copies.get(node);
    if (copy === undefined) {
      copy = new Copy(node);
      this.#copies.set(node, copy);
    }
    return copy;
  }

  /** The nodes on which a renewal is not confirmed yet. */
  *owing(): Iterable<NodeName> {
    for (const copy of this.#copies.values()) if (copy.owed) yield copy.node;
  }

  /** What it is now, from a read that begins in this turn. Never rejects. */
  current(copy: Copy, call: CallOptions): MarkRead {
    if (copy.reading !== undefined) {
      return copy.readingTimeout === call.timeout ? copy.reading : this.#read(copy, call);
    }
    copy.reading = this.#read(copy, call);
    copy.readingTimeout = call.timeout;
    this.marking.turn.atEnd(copy);
    return copy.reading;
  }

  /** The version that a read of this copy gave, or one that is made now where it gave none. Never rejects. */
  ensured(reading: MarkRead, copy: Copy, call: CallOptions): Promise<string | undefined> {
    if (reading !== copy.reading) return this.#orMade(reading.promise, copy, call);
    copy.ensuring ??= this.#orMade(reading.promise, copy, call);
    return copy.ensuring;
  }

  /** Begins a new version everywhere. `false`: a node did not confirm, and gets it when it is used next. */
  async renew(call: CallOptions): Promise<boolean> {
    const copies = this.#everywhere();
    const done = await Promise.all(copies.map((copy) => this.#write(copy, call, this.kind)));
    return !done.includes(undefined);
  }

  /**
   * Begins a new version everywhere and keeps those before as expired. Where that cannot be done they end as
   * if it had been renewed. `false`: a node did not confirm.
   */
  async expire(call: CallOptions): Promise<boolean> {
    const copies = this.#everywhere();
    const done = await Promise.all(copies.map((copy) => this.#push(copy, call)));
    return !done.includes(undefined);
  }

  #everywhere(): Copy[] {
    this.epoch++;
    const names = this.#nodes();
    for (const name of this.#copies.keys()) if (!names.includes(name)) this.#copies.delete(name);
    return names.map((name) => this.on(name));
  }

  #nodes(): NodeName[] {
    if (this.marking.nodeOf(this.key) === undefined) return [undefined];
    return this.marking.pool.nodes().map((node) => node.name);
  }

  #read(copy: Copy, call: CallOptions): MarkRead {
    const read = new MarkRead();
    if (copy.owed) {
      void this.#makeOnce(copy, () => this.#write(copy, call, 'use')).then((made) => read.tell(made));
    } else {
      this.#fetch(copy, call, (current) => read.tell(current));
    }
    return read;
  }

  /** Where the pool can, what stands behind the mark in the same answer finds it known. */
  #fetch(copy: Copy, call: CallOptions, tell: (current: Current) => void): void {
    const { pool } = this.marking;
    const where = options(copy, call);
    const taken = (text: unknown): void => tell(this.#found(copy, text));
    // Later: what the pool itself has to say of a node that fails comes first.
    const failed = (error: unknown): void => queueMicrotask(() => tell(this.#failed(copy, error)));
    try {
      if (pool.leases === undefined) pool.get(this.key, where).then(taken, failed);
      else pool.leases.peekTo({ key: this.key, taken: (item) => taken(item?.value), failed }, where);
    } catch (error) {
      // A pool that throws is one that fails.
      failed(error);
    }
  }

  #found(copy: Copy, text: unknown): Current {
    // Nearly always what was seen last.
    copy.taken = text !== undefined && text !== copy.known && !isMark(text);
    if (text === undefined || copy.taken) return null;
    this.#learn(copy, newest(text as string));
    return text as string;
  }

  #failed(copy: Copy, error: unknown): Current {
    this.marking.failed(error, 'use');
    copy.taken = error instanceof MemcachedDecodeError;
    return copy.taken ? null : undefined;
  }

  async #orMade(reading: Promise<Current>, copy: Copy, call: CallOptions): Promise<string | undefined> {
    const found = await reading;
    if (found !== null) return found === undefined ? found : newest(found);
    return this.#makeOnce(copy, () => (copy.taken ? this.#write(copy, call, 'use') : this.#add(copy, call)));
  }

  /** Callers that find the same copy wanting wait for one repair. */
  #makeOnce(copy: Copy, make: () => Promise<string | undefined>): Promise<string | undefined> {
    copy.making ??= make().finally(() => {
      copy.making = undefined;
    });
    return copy.making;
  }

  async #add(copy: Copy, call: CallOptions): Promise<string | undefined> {
    const made = this.marking.unique();
    try {
      if (!(await this.marking.pool.add(this.key, made, options(copy, call)))) {
        // Somebody else was first; theirs is the one.
        const theirs = await new Promise<Current>((resolve) => this.#fetch(copy, call, resolve));
        // Unless the key is there and reads as nothing: a stub that somebody's lease left, or an empty text.
        if (theirs === null) return this.#write(copy, call, 'use');
        return theirs === undefined ? theirs : newest(theirs);
      }
      this.#learn(copy, made);
      return made;
    } catch (error) {
      this.marking.failed(error, 'use');
      return undefined;
    }
  }

  async #write(copy: Copy, call: CallOptions, during: 'use' | 'clear' | 'tag'): Promise<string | undefined> {
    const made = this.marking.unique();
    copy.known = undefined;
    try {
      await this.marking.pool.set(this.key, made, options(copy, call));
      this.#learn(copy, made);
      copy.owed = false;
      return made;
    } catch (error) {
      copy.owed = true;
      this.marking.failed(error, during);
      return undefined;
    }
  }

  async #push(copy: Copy, call: CallOptions): Promise<string | undefined> {
    const { pool } = this.marking;
    if (pool.gets === undefined || pool.cas === undefined || copy.owed) {
      return this.#write(copy, call, this.kind);
    }
    const where = options(copy, call);
    copy.known = undefined;
    try {
      for (let attempt = 0; attempt < EXPIRY_ATTEMPTS; attempt++) {
        const found = await pool.gets(this.key, where);
        if (found === undefined || !isMark(found.value)) break;
        const made = this.marking.unique();
        const kept = [made, ...found.value.split(' ').slice(0, MAX_EXPIRED)].join(' ');
        if ((await pool.cas(this.key, kept, found.cas, where)) !== 'stored') continue;
        this.#learn(copy, made);
        return made;
      }
    } catch (error) {
      // It may have been written or not; what this node owes now is the stronger of both.
      copy.owed = !(error instanceof MemcachedDecodeError);
      if (copy.owed) {
        this.marking.failed(error, this.kind);
        return undefined;
      }
    }
    // Nothing is there that could be kept, or too many have renewed it meanwhile.
    return this.#write(copy, call, this.kind);
  }

  #learn(copy: Copy, version: string): void {
    if (copy.known === version) return;
    copy.known = version;
    copy.knownSince = this.marking.asks;
  }
}

/** How a version stands in what a mark holds. */
export function standing(version: string, mark: string): 'current' | 'expired' | 'over' {
  if (mark === version || mark.startsWith(`${version} `)) return 'current';
  return mark.split(' ').includes(version) ? 'expired' : 'over';
}

function newest(mark: string): string {
  const end = mark.indexOf(' ');
  return end < 0 ? mark : mark.slice(0, end);
}

function isMark(text: unknown): text is string {
  return typeof text === 'string' && MARK.test(text);
}

/** Without the caller's signal: others may wait for the same answer. Without a TTL: it never ends. */
function options(copy: Copy, { timeout }: CallOptions): CallOptions {
  return copy.node === undefined ? { timeout } : { timeout, node: copy.node };
}
