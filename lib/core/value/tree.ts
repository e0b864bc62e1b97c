/**
 * The slow half of the walk: copies a value into a tree that JSON can carry, with tags (`tagged.ts`) for
 * what JSON does not know, or refuses it in words.
 *
 * Invariant: what comes back from the tree equals the value (as `toStrictEqual` sees it), except that
 * `plain` gives class instances up for their data. Every property is read once; nothing of the value is
 * changed, and no prototype is.
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
    this.#spend(2);
    const builtIn = builtInName(value);
    switch (builtIn) {
      case 'Array':
        return this.#inside(value, () => this.#elements(value as unknown[]));
      case 'Object':
      case 'bare':
        return this.#inside(value, () => this.#plainObject(value as Dictionary, builtIn === 'bare'));
      case undefined:
        if (!this.plain) throw refuseInstance(value, this.#path, false);
        return this.#inside(value, () => this.#instance(value));
      default:
        // Only walking the keys of bytes would take longer than copying them, and nobody hangs names on them.
        if (!ArrayBuffer.isView(value) && hasPropertiesOfItsOwn(value)) {
          throw refuseExtraProperties(value, this.#path);
        }
        return this.#known(value, builtIn);
    }
  }

  /** Date, bytes, Map and Set. */
  #known(value: object, builtIn: string): Tagged {
    switch (builtIn) {
      case 'Date': {
        const time = (value as Date).getTime();
        return this.#tag('date', Number.isNaN(time) ? null : time);
      }
      case 'Map':
        return this.#tag(
          'map',
          this.#inside(value, () => this.#all([...(value as Map<unknown, unknown>)].flat())),
        );
      case 'Set':
        return this.#tag(
          'set',
          this.#inside(value, () => this.#all([...(value as Set<unknown>)])),
        );
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
    const copy = this.#properties(value);
    if (bare) return this.#tag('bare', copy);
    return Object.hasOwn(copy, '$') ? this.#tag('object', copy) : copy;
  }

  /** With `plain`: what an instance of a class is when its class is taken away. */
  #instance(value: object): unknown {
    if (Array.isArray(value)) return this.#all(value);
    if (types.isDate(value)) return this.#known(value, 'Date');
    if (types.isMap(value)) return this.#known(value, 'Map');
    if (types.isSet(value)) return this.#known(value, 'Set');
    if (types.isUint8Array(value))
      return this.#known(value, Buffer.isBuffer(value) ? 'Buffer' : 'Uint8Array');
    const toJson = toJsonOf(value);
    if (toJson !== undefined) return this.#fromToJson(value, toJson);
    if (hasNoData(value)) throw refuseInstance(value, this.#path, true);
    const copy = this.#properties(value as Dictionary);
    return Object.hasOwn(copy, '$') ? this.#tag('object', copy) : copy;
  }

  #fromToJson(value: object, toJson: () => unknown): unknown {
    if (!this.plain) throw refuseToJson(this.#path);
    const data = toJson.call(value);
    if (data === undefined && this.#path.length === 0) throw refuseUndefined();
    return this.build(data);
  }

  #properties(value: Dictionary): Dictionary {
    const copy: Dictionary = {};
    for (const key of Object.keys(value)) {
      const part = value[key];
      if (this.plain && (typeof part === 'function' || typeof part === 'symbol')) continue;
      this.#spend(key.length);
      const built = this.#step(key, part);
      // Assigning `__proto__` would set the prototype; defining makes it a property like any other.
      if (key === '__proto__') Object.defineProperty(copy, key, { value: built, enumerable: true });
      else copy[key] = built;
    }
    return copy;
  }

  #elements(value: unknown[]): unknown {
    const toJson = toJsonOf(value);
    if (toJson !== undefined) return this.#fromToJson(value, toJson);
    const copy = this.#all(value);
    if (!this.plain && (Object.keys(value).length !== value.length || hasSymbolKeys(value))) {
      throw refuseExtraProperties(value, this.#path);
    }
    return copy;
  }

  #all(values: unknown[]): unknown[] {
    this.#spend(values.length);
    const copy: unknown[] = [];
    for (let i = 0; i < values.length; i++) {
      const part = values[i];
      if (part === undefined && !Object.hasOwn(values, i)) throw refuseHole([...this.#path, i]);
      copy.push(this.#step(i, part));
    }
    return copy;
  }

  #step(step: string | number, part: unknown): unknown {
    this.#path.push(step);
    const built = this.build(part);
    this.#path.pop();
    return built;
  }

  #inside<T>(container: object, build: () => T): T {
    this.#ancestors.push(container);
    if (this.#ancestors.length > this.limits.maxDepth) {
      throw refuseDepth(this.#ancestors, this.#path, this.limits.maxDepth);
    }
    const built = build();
    this.#ancestors.pop();
    return built;
  }

  #tag($: Tag, v?: unknown): Tagged {
    this.tagged = true;
    this.#spend(8);
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
      return undefined;
  }
}

function nameOfPrototype(prototype: object): string | undefined {
  if (prototype === Buffer.prototype) return 'Buffer';
  const maker: unknown = Object.hasOwn(prototype, 'constructor') ? prototype.constructor : undefined;
  if (typeof maker !== 'function' || maker.prototype !== prototype) return undefined;
  // By name, not by identity: under jest, and in other contexts of node:vm, there is more than one Date.
  return Function.prototype.toString.call(maker).endsWith('{ [native code] }') ? maker.name : undefined;
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
