/**
 * What a stored item must match to count: the generation of its namespace and the versions of its tags, read
 * beside the item, in the same turn of the event loop.
 *
 * Invariant: what is judged valid belongs to the generation, and carries the tag versions, that were current
 * at some moment after the ask. What is stored under a stamp was loaded after all of that stamp was current;
 * whatever is cleared or ended by tag during the load therefore ends it. What could not be read makes nothing
 * valid. How marks are kept, shared and renewed is left to `marks.ts`, which tags there are to `tags.ts`.
 *
 * A stamp is `<generation>[,<tag>=<version>]...`, tags percent-encoded, so that none of `, = ; :` is theirs.
 */
import type { LentItem } from '../core/pool/leases.js';
import type { CallOptions } from '../core/pool/types.js';
import { type Freshness, headOf, type Stamp, type Unsealed, unseal, unsealUnder } from './envelope.js';
import type { Copy, Current, Mark, Marking, MarkRead, NodeName } from './marks.js';
import { standing } from './marks.js';
import type { Tags } from './tags.js';

/** What a stored item is worth. `expired`: its tag was expired; it may be served as stale. */
export type Judged =
  | {
      readonly kind: 'valid' | 'expired';
      readonly value: unknown;
      readonly freshness: Freshness;
      readonly stamp: Stamp;
    }
  /** Not there, not the cache's, or of a generation or tag version that is over. */
  | { readonly kind: 'nothing' }
  /** What it has to match could not be read, which has been told and logged already. */
  | { readonly kind: 'error' };

class Valid {
  readonly kind = 'valid';
  readonly value: unknown;
  readonly freshness: Freshness;
  readonly stamp: Stamp;

  constructor({ value, freshness, stamp }: Unsealed) {
    this.value = value;
    this.freshness = freshness;
    this.stamp = stamp;
  }
}

export const NOTHING: Judged = { kind: 'nothing' };
export const UNREAD: Judged = { kind: 'error' };

const NO_MARKS: ReadonlyMap<string, Reading> = new Map();

export class Stamps {
  /** The last question that more than one may ask. */
  #last: Asked | undefined = undefined;

  constructor(
    readonly marking: Marking,
    readonly generation: Mark,
    readonly tags: Tags,
  ) {}

  /**
   * Begins to read, in this turn, what an item under `storedKey` has to match.
   *
   * @param tags - those known now, each once; tags found in an item beyond them cost another round trip
   * @param later - `true` when {@link Asked.ensured} may be called with tags that are not known now
   */
  ask(storedKey: string, tags: readonly string[], call: CallOptions, later = false): Asked {
    const node = this.marking.nodeOf(storedKey);
    if (tags.length > 0 || later) return new Asked(this, node, tags, call, later);
    // Those who ask for the same in one turn get one answer, so they may as well ask one question.
    if (this.#last?.stands(node, call) !== true) this.#last = new Asked(this, node, tags, call, false);
    return this.#last;
  }

  /** {@link ask} for many keys, once for each node. */
  askMany(storedKeys: Iterable<string>, tags: readonly string[], call: CallOptions): Map<string, Asked> {
    const byNode = new Map<NodeName, Asked>();
    const byKey = new Map<string, Asked>();
    for (const key of storedKeys) {
      const node = this.marking.nodeOf(key);
      let asked = byNode.get(node);
      if (asked === undefined) {
        asked = new Asked(this, node, tags, call, false);
        byNode.set(node, asked);
      }
      byKey.set(key, asked);
    }
    return byKey;
  }
}

export type Renewal = 'none' | 'begun' | 'unknown';

/** One mark that is being read. */
class Reading {
  readonly read: MarkRead;
  readonly #epoch: number;
  #ensured: Promise<string | undefined> | undefined;

  constructor(
    readonly mark: Mark,
    readonly copy: Copy,
    private readonly call: CallOptions,
  ) {
    this.#epoch = mark.epoch;
    this.read = mark.current(copy, call);
  }

  get current(): Promise<Current> {
    return this.read.promise;
  }

  /** Made once: what is there when it is asked for again may be newer than what was loaded meanwhile. */
  ensured(): Promise<string | undefined> {
    this.#ensured ??= this.mark.ensured(this.read, this.copy, this.call);
    return this.#ensured;
  }

  /** Whether a read that began now would be this one. */
  get stands(): boolean {
    return this.copy.reading === this.read && this.renewal === 'none';
  }

  get renewal(): Renewal {
    if (this.mark.isForgotten) return 'unknown';
    return this.mark.epoch === this.#epoch ? 'none' : 'begun';
  }
}

/** One question, and what may be done with its answer. Nothing here ever rejects. */
export class Asked {
  /** The stamp as it was seen last, sent beside the read that confirms it; `undefined`: never seen. */
  readonly guess: Stamp | undefined;
  readonly #generation: Reading;
  readonly #tags: ReadonlyMap<string, Reading>;
  /** All tags together, as they were at the ask. */
  readonly #all: Promise<string | undefined> | undefined;
  readonly #order: number;
  /** What stands before values under the generation alone; known when that is. */
  #head: string | undefined = undefined;

  constructor(
    private readonly stamps: Stamps,
    /** Where the marks are read, and the item lies; `undefined` where nodes cannot be addressed. */
    readonly node: NodeName,
    tags: readonly string[],
    private readonly call: CallOptions,
    later: boolean,
  ) {
    this.#order = ++stamps.marking.asks;
    const copy = stamps.generation.on(node);
    const { known } = copy;
    this.#generation = new Reading(stamps.generation, copy, call);
    if (tags.length === 0) {
      this.guess = known;
      this.#tags = NO_MARKS;
    } else {
      const marks = tags.map((tag) => stamps.tags.mark(tag));
      const versions = marks.map((mark) => mark.on(node).known);
      this.guess = known === undefined ? undefined : toStamp(known, tags, versions);
      this.#tags = new Map(tags.map((tag, i) => [tag, this.#readingOf(marks[i]!)]));
    }
    this.#all = later ? this.#readingOf(stamps.tags.all).ensured() : undefined;
  }

  #readingOf(mark: Mark): Reading {
    return new Reading(mark, mark.on(this.node), this.call);
  }

  /** Whether the same question without tags, asked now, would be this one. */
  stands(node: NodeName, call: CallOptions): boolean {
    return this.node === node && this.call === call && this.#generation.stands;
  }

  /** Whether a clear, or an end of one of the tags asked for, began in this process since the ask. */
  get renewal(): Renewal {
    const all = [this.#generation.renewal, ...Array.from(this.#tags.values(), ({ renewal }) => renewal)];
    return all.find((one) => one === 'begun') ?? all.find((one) => one === 'unknown') ?? 'none';
  }

  /** The generation that items have to match, as it is being read. */
  get generation(): MarkRead {
    return this.#generation.read;
  }

  /**
   * The value of an item that is valid and fresh for sure: the generation is known, and it stands under that alone,
   * without an end of its freshness. `undefined`: {@link validNow} may find more.
   */
  glimpse(item: LentItem): unknown {
    const { isKnown, current } = this.#generation.read;
    if (!isKnown || typeof current !== 'string' || item.won || item.stale) return undefined;
    this.#head ??= headOf(current);
    return item.valueBehind(this.#head);
  }

  /**
   * An item that is valid for sure: the generation is known, and it stands under that alone. `undefined`:
   * {@link judge} has to find out.
   */
  validNow(stored: unknown): Unsealed | undefined {
    const { isKnown, current } = this.#generation.read;
    return isKnown && typeof current === 'string' ? unsealUnder(current, stored) : undefined;
  }

  /** What an item, as the pool gave it, is worth. */
  async judge(stored: unknown): Promise<Judged> {
    const unsealed = unseal(stored);
    const generation = await this.#generation.current;
    if (unsealed !== undefined && unsealed.stamp === generation) return new Valid(unsealed);
    const kind = await this.#standing(generation, unsealed?.stamp ?? '');
    if (kind === 'error') return UNREAD;
    return kind === 'nothing' || unsealed === undefined ? NOTHING : { kind, ...unsealed };
  }

  /** What an item under this stamp is worth. */
  async judgeStamp(stamp: Stamp): Promise<Judged['kind']> {
    return this.#standing(await this.#generation.current, stamp);
  }

  async #standing(generation: Current, stamp: Stamp): Promise<Judged['kind']> {
    if (generation === undefined) return 'error';
    if (stamp === generation) return 'valid';
    if (generation === null || !stamp.startsWith(`${generation},`)) return 'nothing';
    return this.#judgeTags(stamp.slice(generation.length + 1));
  }

  /**
   * Reads, and makes where there are none, the marks that were asked for. A loader begins after this, lest it
   * loads what is ended before its stamp is read. `false`: what it loads must not be stored.
   */
  async prepared(): Promise<boolean> {
    const marks = [this.#generation, ...this.#tags.values()].map((reading) => reading.ensured());
    const made = await Promise.all([...marks, this.#all]);
    return !made.slice(0, marks.length).includes(undefined);
  }

  /**
   * The stamp for something that was loaded after {@link prepared}, or that the caller knew at the ask. Makes
   * what does not exist yet. `undefined`: it must not be stored, because a mark could not be read or a tag that
   * was not known at the ask may have been ended meanwhile.
   * @param tags - each once
   */
  async ensured(tags: readonly string[]): Promise<Stamp | undefined> {
    if (tags.length === 0) return this.#generation.ensured();
    const [generation, ...versions] = await Promise.all([
      this.#generation.ensured(),
      ...tags.map((tag) => this.#ensuredTag(tag)),
    ]);
    return generation === undefined ? undefined : toStamp(generation, tags, versions);
  }

  async #judgeTags(text: string): Promise<Judged['kind']> {
    let worst: 'valid' | 'expired' = 'valid';
    const readings: [version: string, current: Promise<Current>][] = [];
    for (const one of text.split(',')) {
      const end = one.indexOf('=');
      const tag = decode(one.slice(0, Math.max(0, end)));
      if (tag === undefined || tag === '') return 'nothing';
      const reading = this.#tags.get(tag) ?? this.#readingOf(this.stamps.tags.mark(tag));
      readings.push([one.slice(end + 1), reading.current]);
    }
    const currents = await Promise.all(readings.map(([, current]) => current));
    if (currents.includes(null)) return 'nothing';
    for (const [index, [version]] of readings.entries()) {
      const { [index]: current } = currents;
      if (typeof current !== 'string') return 'error';
      const stands = standing(version, current);
      if (stands === 'over') return 'nothing';
      if (stands === 'expired') worst = 'expired';
    }
    return worst;
  }

  /** The version of a tag that was current before the load and still is, at some moment after this call. */
  async #ensuredTag(tag: string): Promise<string | undefined> {
    const asked = this.#tags.get(tag);
    if (asked !== undefined) return asked.ensured();
    const mark = this.stamps.tags.mark(tag);
    const before = mark.on(this.node);
    const known = before.knownSince < this.#order ? before.known : undefined;
    const version = await this.#readingOf(mark).ensured();
    if (version === undefined || version === known) return version;
    // Whoever ends a tag renews the mark of all tags first, so this one is read last.
    const all = await this.#all;
    if (all === undefined) return undefined;
    const now = await this.#readingOf(this.stamps.tags.all).current;
    return now === all ? version : undefined;
  }
}

/** Whether a stamp names one of the tags. */
export function carriesAny(stamp: Stamp, tags: readonly string[]): boolean {
  return tags.some((tag) => stamp.includes(`,${encodeURIComponent(tag)}=`));
}

/** `undefined` when a version is missing. */
function toStamp(
  generation: string,
  tags: readonly string[],
  versions: readonly (string | undefined)[],
): Stamp | undefined {
  let stamp = generation;
  for (const [index, tag] of tags.entries()) {
    const { [index]: version } = versions;
    if (version === undefined) return undefined;
    stamp += `,${encodeURIComponent(tag)}=${version}`;
  }
  return stamp;
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
