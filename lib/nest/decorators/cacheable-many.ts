/**
 * `@CacheableMany`: a method that finds many things by their ids, of which it is asked only for those that the
 * cache does not have.
 *
 * Invariant: a result is stored under the id it belongs to, or not at all: where the method's answer does not
 * say which is whose, the call fails with a sentence.
 */
import { MemcachedOptionError } from '../../core/base/errors.js';
import { describe } from '../../core/base/options.js';
import { caught, uncached } from './answer.js';
import { type AnyFunction, checkCacheableMany, keyMaker, written } from './checks.js';
import { perClass } from './config.js';
import { entryFor, entryOf, onErrorOf } from './entry.js';
import type { CacheableManyDecorator } from './fits.js';
import { keysOfIds } from './keys.js';
import { asLoad, mustNotWait } from './loading.js';
import { type Call, mustBeMethod, placeOf, wrap } from './method.js';
import { planOf } from './plan.js';
import type { Plan } from './slot.js';
import type { CacheableManyOptions } from './types.js';

/**
 * The method takes a list of ids first, and is called once with those that are missing. It answers with an array
 * of one result per id, in their order; with an array of any order, when `id` says whose each is; or with a Map
 * by id, when `returns` says so. The caller gets the same, for all ids, in their order.
 */
export function CacheableMany<O extends CacheableManyOptions>(options: O): CacheableManyDecorator<O> {
  return (target, method, descriptor) => {
    const where = placeOf('CacheableMany', target, method);
    mustBeMethod(where, target, descriptor);
    const own = written(checkCacheableMany(where, { ...(options as object) }));
    if (own.key === undefined) throw new MemcachedOptionError(`${where} needs a "key", of one id.`);
    const plan = planOf(where, target, method, { ...own, returns: 'promise' });
    const key = keyMaker(where, own.key, descriptor.value!);
    const settings = perClass((config) => {
      const all = { ...config, ...own, key };
      return { all, entry: entryOf(all) };
    });
    wrap(target, descriptor, plan, own.pool, {
      prepare(call) {
        const [ids] = call.args;
        if (!Array.isArray(ids)) {
          throw new MemcachedOptionError(
            `${where}: the first argument must be a list of ids, not ${describe(ids)}.`,
          );
        }
        return keysOfIds(plan, settings(call.instance.constructor).all, call, ids);
      },
      answer(call, keys) {
        const { all, entry } = settings(call.instance.constructor);
        const onError = onErrorOf(all.onError, call);
        if (keys === undefined || keys.some((each) => mustNotWait(plan, call.cache, each))) {
          return uncached(call, onError);
        }
        const batch = new Batch(plan, call, keys, all);
        const found = call.cache.getOrSetMany(
          new Set(keys),
          (missing) => asLoad(plan, call.cache, missing, () => batch.load(missing)),
          entryFor(plan, entry, all, call),
        );
        return caught(
          found.then((values) => batch.answer(values)),
          onError,
        );
      },
    });
  };
}

interface Form {
  returns?: 'array' | 'map' | undefined;
  id?: AnyFunction | undefined;
}

/** One call: its ids, and the key of each. */
class Batch {
  readonly #plan: Plan;
  readonly #call: Call;
  readonly #form: Form;
  readonly #keys: readonly string[];
  readonly #ids: readonly unknown[];
  /** The first id of each key; a second one of the same key is the same to the cache. */
  readonly #idByKey = new Map<string, unknown>();

  constructor(plan: Plan, call: Call, keys: readonly string[], form: Form) {
    this.#plan = plan;
    this.#call = call;
    this.#form = form;
    this.#keys = keys;
    this.#ids = call.args[0] as readonly unknown[];
    for (const [index, key] of keys.entries()) {
      if (!this.#idByKey.has(key)) this.#idByKey.set(key, this.#ids[index]);
    }
  }

  /** Runs the method for what is missing. */
  async load(missing: readonly string[]): Promise<Map<string, unknown>> {
    const ids = missing.map((key) => this.#idByKey.get(key));
    const made = await this.#call.proceed([ids, ...this.#call.args.slice(1)]);
    const byId = this.#byId(made, ids);
    const values = new Map<string, unknown>();
    for (const [index, key] of missing.entries()) {
      const value = byId.get(nameOf(ids[index]));
      if (value !== undefined) values.set(key, value);
    }
    return values;
  }

  /** What the caller gets, in the order in which it asked. */
  answer(values: ReadonlyMap<string, unknown>): unknown {
    const { returns, id } = this.#form;
    if (returns === 'map') {
      const found = this.#keys.flatMap((key, index) =>
        values.has(key) ? [[this.#ids[index], values.get(key)] as const] : [],
      );
      return new Map(found);
    }
    const inOrder = this.#keys.map((key) => values.get(key));
    return id === undefined ? inOrder : inOrder.filter((value) => value !== undefined);
  }

  /** @throws MemcachedOptionError when the answer does not say which result is whose. */
  #byId(made: unknown, ids: readonly unknown[]): Map<unknown, unknown> {
    const { returns, id } = this.#form;
    if (returns === 'map') {
      if (made instanceof Map) return new Map([...made].map(([each, value]) => [nameOf(each), value]));
      throw this.#wrong(
        `the method returned ${describe(made)} where a Map was expected`,
        "Leave out returns: 'map'.",
      );
    }
    if (!Array.isArray(made)) {
      throw this.#wrong(
        `the method returned ${made instanceof Map ? 'a Map' : describe(made)} where an array was expected`,
        "Write returns: 'map' for a Map.",
      );
    }
    if (id !== undefined) {
      const given = made.filter((value) => value !== undefined && value !== null);
      return new Map(given.map((value) => [nameOf(Reflect.apply(id, this.#call.instance, [value])), value]));
    }
    if (made.length === ids.length) return new Map(ids.map((each, index) => [nameOf(each), made[index]]));
    throw this.#wrong(
      `the method returned ${made.length} results for ${ids.length} ids`,
      'Return one for each id, in their order, or write "id" to say whose each is.',
    );
  }

  #wrong(what: string, way: string): MemcachedOptionError {
    return new MemcachedOptionError(`${this.#plan.where}: ${what}. ${way}`);
  }
}

/** Ids that are objects, such as MongoDB's, are the same when they read the same. */
function nameOf(id: unknown): unknown {
  return typeof id === 'object' && id !== null ? String(id) : id;
}
