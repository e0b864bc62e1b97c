/**
 * The tags of a namespace: each has a mark, and values carry the versions of their tags.
 *
 * Invariant: however many tags there are, this process remembers a bounded number of them; forgetting one
 * costs a guess, never a right answer. What one that is forgotten still owes to a node is owed by the whole
 * generation there.
 *
 * One mark more, that of all tags together, is renewed before any of them is. Who learns the tags of a value
 * only from the value itself compares it before and after: if it stayed, no tag was ended meanwhile.
 */
import { MemcachedArgumentError } from '../core/base/errors.js';
import { describe } from '../core/base/options.js';
import type { CallOptions } from '../core/pool/types.js';
import { Keyspace } from './keys.js';
import { Mark, type Marking } from './marks.js';

const MAX_REMEMBERED = 5_000;
/** They stand in every value's envelope. */
const MAX_TAGS = 64;
const MAX_LENGTH = 250;

export class Tags {
  /** Least recently used first. */
  readonly #marks = new Map<string, Mark>();
  /** Renewed with each of them. */
  readonly all: Mark;
  readonly #keys: Keyspace;

  constructor(
    private readonly marking: Marking,
    namespace: string,
    private readonly generation: Mark,
  ) {
    this.#keys = new Keyspace(namespace, 'digest');
    this.all = new Mark(marking, this.#keys.allTags, 'tag');
  }

  /** How many are remembered. */
  get size(): number {
    return this.#marks.size;
  }

  mark(tag: string): Mark {
    let mark = this.#marks.get(tag);
    if (mark === undefined) mark = new Mark(this.marking, this.#keys.tag(tag), 'tag');
    else this.#marks.delete(tag);
    this.#marks.set(tag, mark);
    if (this.#marks.size > MAX_REMEMBERED) this.#forgetOldest();
    return mark;
  }

  /** Ends every value that carries one of the tags. `false`: a node did not confirm. */
  renew(tags: readonly string[], call: CallOptions): Promise<boolean> {
    return this.#each(tags, call, (mark) => mark.renew(call));
  }

  /** Like {@link renew}, but the values may still be served as stale. */
  expire(tags: readonly string[], call: CallOptions): Promise<boolean> {
    return this.#each(tags, call, (mark) => mark.expire(call));
  }

  async #each(
    tags: readonly string[],
    call: CallOptions,
    end: (mark: Mark) => Promise<boolean>,
  ): Promise<boolean> {
    const told = await this.all.renew(call);
    const done = await Promise.all(tags.map((tag) => end(this.mark(tag))));
    return told && !done.includes(false);
  }

  #forgetOldest(): void {
    const [oldest] = this.#marks;
    const [tag, mark] = oldest!;
    this.#marks.delete(tag);
    for (const node of mark.owing()) this.generation.on(node).owed = true;
    mark.isForgotten = true;
  }
}

const NO_TAGS: readonly string[] = [];

/**
 * Each tag once.
 * @throws MemcachedArgumentError
 */
export function checkTags(tags: string | readonly string[] | undefined): readonly string[] {
  if (tags === undefined) return NO_TAGS;
  const list = typeof tags === 'string' ? [tags] : tags;
  if (!Array.isArray(list)) {
    throw new MemcachedArgumentError(`"tags" must be a list of strings, not ${describe(tags)}.`);
  }
  if (list.length === 0) return NO_TAGS;
  for (const tag of list) {
    if (typeof tag !== 'string' || tag === '' || tag.length > MAX_LENGTH || !tag.isWellFormed()) {
      throw new MemcachedArgumentError(
        `A tag must be a string of 1 to ${MAX_LENGTH} characters, not ${describe(tag)}.`,
      );
    }
  }
  const distinct = [...new Set(list)];
  if (distinct.length > MAX_TAGS) {
    throw new MemcachedArgumentError(`A value can have ${MAX_TAGS} tags, not ${distinct.length}.`);
  }
  return distinct;
}
