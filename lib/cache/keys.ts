/**
 * From a caller's key to the one it is stored under.
 *
 * Invariant: two different pairs of namespace and key never meet, and none meets a key the cache keeps for
 * itself. A stored key is `<namespace>#<key>`, a key of the cache's own `<namespace>~<word>`, and no
 * namespace holds `#` or `~`, so the first of the two signs tells where the namespace ends and which it is.
 */
import { createHash } from 'node:crypto';
import { MemcachedKeyError } from '../core/base/errors.js';
import { describe } from '../core/base/options.js';
import { isKnownPlain, isPlain, plainBehind, toDigestedWireKey, toWireKey } from '../core/command/keys.js';

/** Room enough in 250 bytes for keys, digests and the cache's own words. */
const MAX_NAMESPACE = 100;
const READABLE = 40;

export class Keyspace {
  readonly #prefix: string;
  /** Keys behind it need only be looked at themselves. */
  readonly #isPlain: boolean;
  /** Under which the generation of this namespace is kept. */
  readonly generation: string;
  /** Under which it is kept that any tag of this namespace was ended. */
  readonly allTags: string;

  constructor(
    /** As {@link toNamespace} made it. */
    readonly namespace: string,
    readonly mode: 'strict' | 'digest',
  ) {
    this.#prefix = `${namespace}#`;
    this.#isPlain = isPlain(this.#prefix);
    this.generation = `${namespace}~generation`;
    this.allTags = `${namespace}~tags`;
  }

  /** @throws MemcachedKeyError when the key is not a string, is empty, or is illegal and the mode is strict. */
  stored(key: string): string {
    if (typeof key !== 'string') {
      throw new MemcachedKeyError(`A key must be a string, not ${describe(key)}.`);
    }
    if (key === '') throw new MemcachedKeyError('A key must not be empty.');
    const plain = this.#isPlain ? plainBehind(this.#prefix, key) : undefined;
    if (plain !== undefined) return plain;
    const stored = this.#prefix + key;
    if (this.mode === 'strict') {
      toWireKey(stored);
      return stored;
    }
    return digested(stored);
  }

  /**
   * What tells a stored key from all others of this namespace: the caller's own, where that went as it is. One
   * that did not is never plain, so the two are never the same.
   */
  ownOf(stored: string): string {
    return isPlain(stored) ? stored.slice(this.#prefix.length) : stored;
  }

  /** {@link ownOf} of what {@link stored} has just made of `key`, without a copy. */
  ownOfLast(key: string, stored: string): string {
    return isKnownPlain(stored) ? key : this.ownOf(stored);
  }

  /** Under which the mark of a tag is kept; whatever the mode, any tag will do. */
  tag(tag: string): string {
    return digested(`${this.namespace}~tag:${tag}`);
  }
}

/**
 * The namespace `name` inside of `parent`, as it stands in keys: `shop/catalog`. What is not a letter, a
 * digit or one of `. _ : @ -` becomes `%` and four hexadecimal digits; a long one becomes its start and a
 * SHA-256 behind `%s`, which no escape can look like.
 */
export function toNamespace(parent: string | undefined, name: string): string {
  const escaped = name.replace(/[^\w.:@-]/g, (unit) => {
    return `%${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
  const path = parent === undefined ? escaped : `${parent}/${escaped}`;
  if (path.length <= MAX_NAMESPACE) return path;
  return `${path.slice(0, READABLE)}%s${createHash('sha256').update(path).digest('base64url')}`;
}

function digested(stored: string): string {
  const wire = toDigestedWireKey(stored);
  // A legal key beyond ASCII comes back as bytes; the pool will make the same bytes of the text.
  return wire.length === stored.length || isAscii(wire) ? wire : stored;
}

function isAscii(text: string): boolean {
  return !/[^\u0000-\u007f]/.test(text);
}
