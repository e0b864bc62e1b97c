/**
 * The slow half of the walk: makes a tree of a value that JSON can carry, with tags (`tagged.ts`) for what
 * JSON does not know, or refuses it in words.
 *
 * Invariant: what comes back from the tree equals the value (as `toStrictEqual` sees it), except that
 * `plain` gives class instances up for their data. The value is left as it is: parts that need no change
 * are shared with the tree, the containers around the others are copied.
 */
import { types } from 'node:util';
import { bigintText, numberText } from './numbers.js';
import {
  refuseDepth,
  refuseExtraProperties,
  refuseFunction,
  refuseHole,
  refuseInstance,
  refuseSize,
  refuseSymbolKeys,
  refuseToJson,
  refuseUndefined,
} from './refusals.js';
import type { Tag, Tagged } from './tagged.js';

export interface TreeLimits {
  maxDepth: number;
  /** Of the JSON; counted from below, so that the exact check is still to come. */
  maxBytes: number;
}

export interface Tree {
  root: unknown;
  /** `false`: the tree has no tags and is read back as plain JSON. */
  tagged: boolean;
}

/** @throws RefusedValueError */
export function toTree(value: object, plain: boolean, limits: TreeLimits): Tree {
  const builder = new TreeBuilder(plain, limits);
  const root = builder.build(value);
  return { root, tagged: builder.tagged };
}

type Dictionary = Record<string, unknown>;

class TreeBuilder {
  tagged = false;
  /** The containers that are open, outermost first, and the steps that lead from each to the next. */
  readonly #ancestors: object[] = [];
  readonly #path: (string | number)[] = [];
  #left: number;

  constructor(
    readonly plain: boolean,
    readonly limits: TreeLimits,
  ) {
    this.#left = limits.maxBytes;
  }

  build(value: unknown): unknown {
    switch (typeof value) {
      case 'string':
        this.#spend(value.length);
        return value;
      case 'number':
        return Number.isFinite(value) && !Object.is(value, -0)
          ? value
          : this.#tag('number', numberText(value));
      case 'boolean':
        return value;
      case 'bigint':
        return this.#tag('bigint', bigintText(value));
      case 'undefined':
        return this.#tag('undefined');
      case 'object':
        return value === null ? null : this.#object(value);
      default:
        throw refuseFunction(value, this.#path);
    }
  }

  #object(value: object): unknown {
    this.#ancestors.push(value);
    if (this.#ancestors.length > this.limits.maxDepth && !isLeaf(value)) {
      throw refuseDepth(this.#ancestors, this.#path, this.limits.maxDepth);
    }
    this.#spend(2);
    const built = this.#container(value, builtInName(value));
    this.#ancestors.pop();
    return built;
  }

  #container(value: object, builtIn: string | undefined): unknown {
    switch (builtIn) {
      case 'Array':
        return this.#array(value as unknown[]);
      case 'Object':
        return this.#plainObject(value as Dictionary, false);
      case 'bare':
        return this.#plainObject(value as Dictionary, true);
      case undefined:
        return this.#instance(value);
      case 'Buffer':
      case 'Uint8Array':
        // Nobody hangs names on bytes, and to look for some takes longer than to copy them.
        return this.#known(value, builtIn);
      default:
        if (hasPropertiesOfItsOwn(value)) throw refuseExtraProperties(value, this.#path);
        return this.#known(value, builtIn);
    }
  }

  /** Date, Map, Set and bytes. */
  #known(value: object, builtIn: string): Tagged {
    switch (builtIn) {
      case 'Date': {
        const time = (value as Date).getTime();
        return this.#tag('date', Number.isNaN(time) ? null : time);
      }
      case 'Map':
        return this.#tag('map', this.#elements([...(value as Map<unknown, unknown>)].flat()));
      case 'Set':
        return this.#tag('set', this.#elements([...(value as Set<unknown>)]));
      default: {
        const bytes = value as Uint8Array;
        this.#spend(bytes.length);
        const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64');
        return this.#tag(builtIn === 'Buffer' ? 'buffer' : 'bytes', text);
      }
    }
  }

  #plainObject(value: Dictionary, bare: boolean): unknown {
    const toJson = toJsonOf(value);
    if (toJson !== undefined) return this.#fromToJson(value, toJson);
    // `arguments`, Math and their like have the prototype of a plain object.
    if (Object.prototype.toString.call(value) !== '[object Object]') {
      throw refuseInstance(value, this.#path, this.plain);
    }
    if (!this.plain && hasSymbolKeys(value)) throw refuseSymbolKeys(this.#path);
    return this.#properties(value, bare);
  }

  /** With `plain`: what an instance of a class is when its class is taken away. */
  #instance(value: object): unknown {
    if (!this.plain) throw refuseInstance(value, this.#path, false);
    if (types.isDate(value)) return this.#known(value, 'Date');
    if (types.isMap(value)) return this.#known(value, 'Map');
    if (types.isSet(value)) return this.#known(value, 'Set');
    if (types.isUint8Array(value))
      return this.#known(value, Buffer.isBuffer(value) ? 'Buffer' : 'Uint8Array');
    const toJson = toJsonOf(value);
    if (toJson !== undefined) return this.#fromToJson(value, toJson);
    if (Array.isArray(value)) return this.#elements(value);
    if (hasNoData(value)) throw refuseInstance(value, this.#path, true);
    return this.#properties(value as Dictionary, false);
  }

  #fromToJson(value: object, toJson: () => unknown): unknown {
    if (!this.plain) throw refuseToJson(this.#path);
    const data = toJson.call(value);
    if (data === undefined && this.#path.length === 0) throw refuseUndefined();
    return this.build(data);
  }

  #properties(value: Dictionary, bare: boolean): unknown {
    const keys = Object.keys(value);
    let copy: Dictionary | undefined;
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i]!;
      const part = value[key];
      const leftOut = this.plain && (typeof part === 'function' || typeof part === 'symbol');
      const built = leftOut ? undefined : this.#step(key, part);
      if (built === part && copy === undefined) continue;
      copy ??= copyOf(value, keys.slice(0, i));
      if (!leftOut) define(copy, key, built);
    }
    if (bare) return this.#tag('bare', copy ?? value);
    return Object.hasOwn(value, '$') ? this.#tag('object', copy ?? value) : (copy ?? value);
  }

  #array(value: unknown[]): unknown {
    const toJson = toJsonOf(value);
    if (toJson !== undefined) return this.#fromToJson(value, toJson);
    const elements = this.#elements(value);
    if (!this.plain && (Object.keys(value).length !== value.length || hasSymbolKeys(value))) {
      throw refuseExtraProperties(value, this.#path);
    }
    return elements;
  }

  #elements(elements: unknown[]): unknown[] {
    this.#spend(elements.length);
    let copy: unknown[] | undefined;
    for (let i = 0; i < elements.length; i++) {
      const part = elements[i];
      if (part === undefined && !Object.hasOwn(elements, i)) throw refuseHole([...this.#path, i]);
      const built = this.#step(i, part);
      if (copy === undefined && built !== part) copy = elements.slice(0, i);
      copy?.push(built);
    }
    return copy ?? elements;
  }

  #step(step: string | number, part: unknown): unknown {
    if (typeof step === 'string') this.#spend(step.length);
    this.#path.push(step);
    const built = this.build(part);
    this.#path.pop();
    return built;
  }

  #tag($: Tag, v?: unknown): Tagged {
    this.tagged = true;
    this.#spend($.length + 8);
    return v === undefined ? { $ } : { $, v };
  }

  #spend(bytes: number): void {
    this.#left -= bytes;
    if (this.#left < 0) throw refuseSize(this.limits.maxBytes);
  }
}

/**
 * Which of the classes that come back as themselves `value` is exactly an instance of: not of one derived
 * from it, and not something that only borrows its prototype.
 */
function builtInName(value: object): string | undefined {
  const prototype: object | null = Object.getPrototypeOf(value);
  if (prototype === null) return 'bare';
  switch (nameOfPrototype(prototype)) {
    case 'Object':
      return 'Object';
    case 'Array':
      return Array.isArray(value) ? 'Array' : undefined;
    case 'Date':
      return types.isDate(value) ? 'Date' : undefined;
    case 'Map':
      return types.isMap(value) ? 'Map' : undefined;
    case 'Set':
      return types.isSet(value) ? 'Set' : undefined;
    case 'Buffer':
      return types.isUint8Array(value) ? 'Buffer' : undefined;
    case 'Uint8Array':
      return types.isUint8Array(value) ? 'Uint8Array' : undefined;
    default:
      return isEmptyBase(prototype) ? 'bare' : undefined;
  }
}

/** Fastify's query parser, for one, makes its objects from an empty prototype that has none itself. */
function isEmptyBase(prototype: object): boolean {
  return Object.getPrototypeOf(prototype) === null && Reflect.ownKeys(prototype).length === 0;
}

function nameOfPrototype(prototype: object): string | undefined {
  if (prototype === Object.prototype) return 'Object';
  if (prototype === Array.prototype) return 'Array';
  if (prototype === Buffer.prototype) return 'Buffer';
  const maker: unknown = Object.hasOwn(prototype, 'constructor') ? prototype.constructor : undefined;
  if (typeof maker !== 'function' || maker.prototype !== prototype) return undefined;
  // By name, not by identity: under jest, and in other contexts of node:vm, there is more than one Date.
  return Function.prototype.toString.call(maker).endsWith('{ [native code] }') ? maker.name : undefined;
}

/** Dates and bytes hold nothing, so they may stand below the deepest container. */
function isLeaf(value: object): boolean {
  return types.isDate(value) || types.isUint8Array(value);
}

function copyOf(value: Dictionary, keys: string[]): Dictionary {
  const copy: Dictionary = {};
  for (const key of keys) define(copy, key, value[key]);
  return copy;
}

/** Assigning `__proto__` would set the prototype; defining makes it a property like any other. */
function define(target: Dictionary, key: string, value: unknown): void {
  if (key === '__proto__') Object.defineProperty(target, key, { value, enumerable: true });
  else target[key] = value;
}

function toJsonOf(value: object): (() => unknown) | undefined {
  const { toJSON } = value as { toJSON?: unknown };
  return typeof toJSON === 'function' ? (toJSON as () => unknown) : undefined;
}

function hasSymbolKeys(value: object): boolean {
  return Object.getOwnPropertySymbols(value).some((key) =>
    Object.prototype.propertyIsEnumerable.call(value, key),
  );
}

function hasPropertiesOfItsOwn(value: object): boolean {
  return Object.keys(value).length > 0 || hasSymbolKeys(value);
}

/** Errors, boxed primitives, other typed arrays, promises, iterators ...: nothing of them is in properties. */
function hasNoData(value: object): boolean {
  if (types.isNativeError(value) || types.isBoxedPrimitive(value) || ArrayBuffer.isView(value)) return true;
  return Object.prototype.toString.call(value) !== '[object Object]' && Object.keys(value).length === 0;
}
