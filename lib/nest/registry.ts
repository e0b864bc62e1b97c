/**
 * Which pools one application has. A provider of each application, never a static: two applications in one
 * process have nothing in common.
 *
 * Invariant: a name stands for one pool. Making and closing pools belongs to the module.
 */
import { Inject, Injectable } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import type { MemcachedCache } from '../cache/cache.js';
import { MemcachedOptionError } from '../core/base/errors.js';
import { describe } from '../core/base/options.js';
import type { MemcachedPool } from '../core/pool/pool.js';
import { DEFAULT_POOL, getMemcachedCacheToken, getMemcachedPoolToken } from './tokens.js';

@Injectable()
export class MemcachedPoolRegistry {
  readonly #names = new Set<string>();
  readonly #moduleRef: ModuleRef;

  constructor(@Inject(ModuleRef) moduleRef: ModuleRef) {
    this.#moduleRef = moduleRef;
  }

  /** @throws MemcachedOptionError when the application has a pool of that name already. */
  declare(name: string): void {
    if (this.#names.has(name)) {
      throw new MemcachedOptionError(
        `MemcachedPoolModule: there are two pools named ${describe(name)}. Import the module once, in the root module, ` +
          'or give each pool a "name" of its own.',
      );
    }
    this.#names.add(name);
  }

  /** The names of all pools, in the order in which they were declared. */
  names(): string[] {
    return [...this.#names];
  }

  has(name: string): boolean {
    return this.#names.has(name);
  }

  /** Whatever the pool's token gives: in a test it may be a replacement. */
  pool(name: string = DEFAULT_POOL): MemcachedPool {
    this.#mustHave(name);
    return this.#moduleRef.get<MemcachedPool>(getMemcachedPoolToken(name), { strict: false });
  }

  cache(name: string = DEFAULT_POOL): MemcachedCache {
    this.#mustHave(name);
    return this.#moduleRef.get<MemcachedCache>(getMemcachedCacheToken(name), { strict: false });
  }

  #mustHave(name: string): void {
    if (this.#names.has(name)) return;
    throw new MemcachedOptionError(`There is no pool named ${describe(name)}; ${this.whatThereIs()}.`);
  }

  /** For messages. */
  whatThereIs(): string {
    if (this.#names.size === 0) return 'this application has none';
    return `this application has ${this.names().map(describe).join(', ')}`;
  }
}
