/**
 * What can be asked. A {@link Request} is made once per command and handed down the layers as it is:
 * no layer wraps, copies or awaits it. Whoever made it is told the end through its {@link RequestSink},
 * exactly once.
 */
import type { MemcachedError } from '../base/errors.js';
import type { Reply } from './reply.js';

export const Verb = {
  get: 0,
  /** Many keys in one request; `keys` holds them. */
  getBatch: 1,
  /** The same, and behind it `key` in a way that its answer names the request: that one confirms the list's end. */
  getConfirmed: 2,
  gets: 3,
  gat: 4,
  /** A read that learns, where the server tells, how long the item lives and whether it is marked stale. */
  peek: 5,
  set: 6,
  /** Many sets in one request; `members` holds them. */
  setQuietly: 7,
  add: 8,
  replace: 9,
  append: 10,
  prepend: 11,
  cas: 12,
  delete: 13,
  touch: 14,
  incr: 15,
  decr: 16,
  /** A meta read with tokens of its own (`tokens`). */
  metaGet: 17,
  /** A meta write with tokens of its own. */
  metaSet: 18,
  /** A meta delete or invalidation with tokens of its own. */
  metaDelete: 19,
  flushAll: 20,
  stats: 21,
  version: 22,
} as const;
export type Verb = (typeof Verb)[keyof typeof Verb];

const VERB_NAMES = Object.keys(Verb);
/** The verb's name, for messages and channels. */
export function verbName(verb: Verb): string {
  return VERB_NAMES[verb]!;
}

/** May the command be sent again although it may have been applied? Only reads that change nothing. */
export function isRepeatable(verb: Verb): boolean {
  return (
    verb === Verb.get ||
    verb === Verb.getBatch ||
    verb === Verb.getConfirmed ||
    verb === Verb.gets ||
    // It may have taken a stale item's right to refill; whoever finds that right held for too long frees it.
    verb === Verb.peek ||
    verb === Verb.version ||
    verb === Verb.stats
  );
}

/** Does the command carry a data block? Then an odd answer leaves the number of answer lines unknown. */
export function hasBody(verb: Verb): boolean {
  return (verb >= Verb.set && verb <= Verb.cas) || verb === Verb.metaSet;
}

/** Where a request stands. Only ever moves forward, except that a retry starts again at `waiting`. */
export const Phase = {
  /** Not a byte is written. */
  waiting: 0,
  /** Its bytes are, or are about to be, on a socket; its slot ends with its answer or the socket. */
  sent: 1,
  /** Not a byte was written, and its place is given back: it is about to fail, or to be dispatched again. */
  released: 2,
} as const;
export type Phase = (typeof Phase)[keyof typeof Phase];

/** Who hears the end of a request. Must not throw. */
export interface RequestSink {
  /** The answer, lent for the time of the call. Lines of an answer that goes on come one by one before it. */
  replied(request: Request, reply: Reply): void;
  /** The request failed before its answer was complete. */
  failed(request: Request, error: MemcachedError): void;
  /** The answer of a request whose caller had given up, for whoever must undo what it brought about. */
  late?(request: Request, reply: Reply): void;
}

/** The node that holds a request, as far as a caller who gives up needs to know it. */
export interface RequestHolder {
  readonly name: string;
  /** The caller is gone: gives the slot back if nothing was sent; else it stays until the answer comes. */
  abandon(request: Request): void;
  /** The request waited for a whole `commandTimeout` or longer in vain. */
  noteTimeout(): void;
}

/** What a call with its own `timeout` or `signal` holds, released when it settles. */
export interface Patience {
  release(): void;
}

/** What only few requests have: it stands apart, for every field of a request is written for each one. */
class Particulars {
  keys: readonly string[] | undefined = undefined;
  members: readonly Request[] | undefined = undefined;
  cursor = 0;
  cas = '';
  delta = '';
  initial = '';
  patience: Patience | undefined = undefined;
  retried = 0;
}

const NONE: Readonly<Particulars> = new Particulars();

export class Request {
  body: string | Uint8Array | undefined = undefined;
  /** Length of `body` on the wire. */
  bytes = 0;
  flags = 0;
  exptime = 0;
  /** Extra meta tokens, ready for the wire, each with a space before it. */
  tokens = '';
  /** It was meant for this node alone, whatever its key. */
  pinned = false;
  /** What its sink needs to know it by. */
  tag: unknown = undefined;
  phase: Phase = Phase.waiting;
  /** The caller has its answer, or gave up; a late reply goes nowhere. */
  settled = false;
  /** When the default deadline ends, on the clock; Infinity when `patience` keeps the time instead. */
  deadline = Number.POSITIVE_INFINITY;
  /** Where it is now. */
  holder: RequestHolder | undefined = undefined;
  #own: Particulars | undefined = undefined;

  constructor(
    readonly verb: Verb,
    /** The wire key: one character per byte, already checked. Empty where a command has none. */
    readonly key: string,
    readonly sink: RequestSink,
    /**
     * Takes the outcome: a rejected promise is a failure, unless there is `onFailure` for it. Both are called as
     * methods of the request.
     */
    readonly resolve: (this: Request, value: never) => void,
    readonly onFailure?: (this: Request, error: unknown) => void,
  ) {}

  reject(error: unknown): void {
    if (this.onFailure !== undefined) this.onFailure(error);
    else this.resolve(Promise.reject(error) as never);
  }

  /** Marks the end for the caller; whoever calls it resolves or rejects, once. */
  settle(): void {
    this.settled = true;
    if (this.#own !== undefined) this.#own.patience?.release();
  }

  /** How many places of `maxPending` it takes. */
  get slots(): number {
    if (this.#own === undefined) return 1;
    const { keys, members } = this.#own;
    if (keys !== undefined) return keys.length + (this.verb === Verb.getConfirmed ? 1 : 0);
    return members === undefined ? 1 : members.length;
  }

  /** The keys of a batch, as wire keys; `undefined` for all other verbs. */
  get keys(): readonly string[] | undefined {
    return (this.#own ?? NONE).keys;
  }
  set keys(keys: readonly string[] | undefined) {
    this.#own ??= new Particulars();
    this.#own.keys = keys;
  }

  /** The sets of a batch; `undefined` for all other verbs. */
  get members(): readonly Request[] | undefined {
    return (this.#own ?? NONE).members;
  }
  set members(members: readonly Request[] | undefined) {
    this.#own ??= new Particulars();
    this.#own.members = members;
  }

  /**
   * The first key of a batch that no value has named yet: values come in the order of the keys. One more than there are
   * keys when the end of a confirmed list was read. Of many sets, how many complaints there were, -1 once they are confirmed.
   */
  get cursor(): number {
    return (this.#own ?? NONE).cursor;
  }
  set cursor(cursor: number) {
    this.#own ??= new Particulars();
    this.#own.cursor = cursor;
  }

  /** CAS token, as decimal digits checked by whoever set them; `delta` and `initial` likewise. */
  get cas(): string {
    return (this.#own ?? NONE).cas;
  }
  set cas(cas: string) {
    this.#own ??= new Particulars();
    this.#own.cas = cas;
  }

  get delta(): string {
    return (this.#own ?? NONE).delta;
  }
  set delta(delta: string) {
    this.#own ??= new Particulars();
    this.#own.delta = delta;
  }

  get initial(): string {
    return (this.#own ?? NONE).initial;
  }
  set initial(initial: string) {
    this.#own ??= new Particulars();
    this.#own.initial = initial;
  }

  /** Keeps the time of a call with its own `timeout` or `signal`. */
  get patience(): Patience | undefined {
    return (this.#own ?? NONE).patience;
  }
  set patience(patience: Patience | undefined) {
    this.#own ??= new Particulars();
    this.#own.patience = patience;
  }

  /** How often it was sent again. */
  get retried(): number {
    return (this.#own ?? NONE).retried;
  }
  set retried(retried: number) {
    this.#own ??= new Particulars();
    this.#own.retried = retried;
  }
}
