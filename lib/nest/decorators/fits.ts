/**
 * Types that hold the functions among a decorator's options against the method below it.
 *
 * Invariant: each function is compared on its own. In one shared list of parameters `key: (id) => ...` would
 * not fit `find(id, locale)`.
 */
import type { Observable } from 'rxjs';
import type { CacheableManyOptions, CacheableOptions, CacheEvictOptions, CachePutOptions } from './types.js';

/** A method that answers later: the only kind a cache can stand before. */
export type AsyncMethod = (...args: never[]) => Promise<unknown> | Observable<unknown>;

/** What {@link CacheableManyOptions} can stand on: the first argument is the list of ids. */
export type ManyMethod = (ids: never[], ...rest: never[]) => Promise<unknown>;

interface Misfit {
  'the parameters of a function among the options are not those of the method': never;
}

interface WrongAnswer {
  'the method does not return what the options say': never;
}

/** `unknown` when `F` is no function, or one that can be called with `Given`; it may leave out the last ones. */
type Takes<Given extends unknown[], F> = F extends (...args: infer A) => unknown
  ? number extends A['length']
    ? Given extends A
      ? unknown
      : Misfit
    : Given extends [...A, ...unknown[]]
      ? unknown
      : Misfit
  : unknown;

type Option<O, Name extends string> = Name extends keyof O ? O[Name] : undefined;

/** An option that is none of `Base`'s: the compiler does not look for them where the type is inferred. */
type Known<O, Base> = [Exclude<keyof O, keyof Base>] extends [never]
  ? unknown
  : { 'there is no such option': Exclude<keyof O, keyof Base> };

type Result<M extends AsyncMethod> =
  ReturnType<M> extends Promise<infer R> ? R : ReturnType<M> extends Observable<infer R> ? R : never;

type FitsPlace<Given extends unknown[], O> = Takes<Given, Option<O, 'key'>> &
  Takes<Given, Option<O, 'condition'>> &
  Takes<Given, Option<O, 'scope'>>;

type FitsEntry<Given extends unknown[], O> = Takes<Given, Option<O, 'ttl'>> &
  Takes<Given, Option<O, 'tags'>> &
  Takes<Given, Option<O, 'unless'>> &
  Takes<Given, Option<O, 'version'>>;

type ResultOfMany<M extends ManyMethod> = Awaited<ReturnType<M>>;

type IdOf<M extends ManyMethod> = Parameters<M>[0] extends readonly (infer Id)[] ? Id : never;

type ItemOf<M extends ManyMethod> =
  ResultOfMany<M> extends ReadonlyMap<infer _Id, infer Item>
    ? Item
    : ResultOfMany<M> extends readonly (infer Item)[]
      ? Item
      : never;

type AfterIds<M extends ManyMethod> = Parameters<M> extends [unknown, ...infer Rest] ? Rest : [];

/** An array, or a Map where the options say so. */
type Returns<M extends ManyMethod, O> =
  Option<O, 'returns'> extends 'map'
    ? ResultOfMany<M> extends ReadonlyMap<infer _Id, unknown>
      ? unknown
      : WrongAnswer
    : ResultOfMany<M> extends readonly unknown[]
      ? unknown
      : WrongAnswer;

export type CacheableDecorator<O> = <M extends AsyncMethod>(
  target: object,
  method: string | symbol,
  descriptor: TypedPropertyDescriptor<M> &
    Known<O, CacheableOptions> &
    FitsPlace<Parameters<M>, O> &
    FitsEntry<[Result<M>, ...Parameters<M>], O> &
    Takes<[unknown, ...Parameters<M>], Option<O, 'onError'>>,
) => void;

export type CacheableManyDecorator<O> = <M extends ManyMethod>(
  target: object,
  method: string | symbol,
  descriptor: TypedPropertyDescriptor<M> &
    Known<O, CacheableManyOptions> &
    Returns<M, O> &
    Takes<[IdOf<M>, ...AfterIds<M>], Option<O, 'key'>> &
    Takes<[NonNullable<ItemOf<M>>], Option<O, 'id'>> &
    Takes<Parameters<M>, Option<O, 'condition'>> &
    Takes<Parameters<M>, Option<O, 'scope'>> &
    FitsEntry<[ItemOf<M>, ...Parameters<M>], O> &
    Takes<[unknown, ...Parameters<M>], Option<O, 'onError'>>,
) => void;

export type CachePutDecorator<O> = <M extends AsyncMethod>(
  target: object,
  method: string | symbol,
  descriptor: TypedPropertyDescriptor<M> &
    Known<O, CachePutOptions> &
    FitsPlace<Parameters<M>, O> &
    FitsEntry<[Result<M>, ...Parameters<M>], O>,
) => void;

export type CacheEvictDecorator<O> = <M extends AsyncMethod>(
  target: object,
  method: string | symbol,
  descriptor: TypedPropertyDescriptor<M> &
    Known<O, CacheEvictOptions> &
    FitsPlace<Parameters<M>, O> &
    Takes<Parameters<M>, Option<O, 'tags'>>,
) => void;
