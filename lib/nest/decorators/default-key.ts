/**
 * The key of a call for which none was written: the class, the method, and a digest of the arguments.
 *
 * Invariant: two calls get the same key only when their arguments are equal at any depth. The order of an
 * object's properties does not count; whatever could hide a difference (a class instance, a function, a getter)
 * is refused, and the caller runs uncached.
 */
import { createHash } from 'node:crypto';
import { types } from 'node:util';

/** Characters of the encoded arguments. Beyond this a digest would cost more than many a load. */
const MAX_ENCODED = 65_536;

/** Says why arguments have no digest; never leaves this room. */
export class Undigestable extends Error {}

/** 43 characters that stand for the arguments. @throws Undigestable */
export function digest(args: readonly unknown[]): string {
  const encoder = new Encoder();
  args.forEach((value, index) => {
    encoder.write(value, `argument ${index + 1}`);
  });
  // Unit by unit: in UTF-8 all lone surrogates would be the same.
  return createHash('sha256').update(encoder.text, 'utf16le').digest('base64url');
}

/** Every value starts with a letter for its type and says its length, so no two sequences read alike. */
class Encoder {
  text = '';
  readonly #ancestors = new Set<object>();

  write(value: unknown, path: string): void {
    if (this.text.length > MAX_ENCODED) throw tooLarge(path);
    switch (typeof value) {
      case 'string':
        this.#put('s', value, path);
        return;
      case 'number':
        this.text += `n${Object.is(value, -0) ? '-0' : value};`;
        return;
      case 'bigint':
        this.text += `i${value};`;
        return;
      case 'boolean':
        this.text += value ? 't' : 'f';
        return;
      case 'undefined':
        this.text += 'u';
        return;
      case 'object':
        if (value === null) this.text += '0';
        else this.#nest(value, path);
        return;
      default:
        throw new Undigestable(`${path} is a ${typeof value}`);
    }
  }

  #put(letter: string, text: string, path: string): void {
    if (this.text.length + text.length > MAX_ENCODED) throw tooLarge(path);
    this.text += `${letter}${text.length}:${text}`;
  }

  #nest(value: object, path: string): void {
    if (this.#ancestors.has(value)) throw new Undigestable(`${path} contains itself`);
    this.#ancestors.add(value);
    this.#object(value, path);
    this.#ancestors.delete(value);
  }

  #object(value: object, path: string): void {
    const prototype = Object.getPrototypeOf(value);
    if (prototype === null || isRoot(prototype) || isEmpty(prototype))
      this.#plain(value as Record<string, unknown>, path);
    else if (isBytes(value, prototype)) this.#bytes(value, path);
    else if (!isRoot(Object.getPrototypeOf(prototype))) throw instance(value, path);
    else if (Array.isArray(value)) this.#array(value, path);
    else if (Reflect.ownKeys(value).length > 0) throw instance(value, path);
    else if (types.isDate(value)) this.text += `d${value.getTime()};`;
    else if (types.isMap(value)) this.#all('M', [...value].flat(), path);
    else if (types.isSet(value)) this.#all('S', [...value], path);
    else throw instance(value, path);
  }

  #bytes(value: Uint8Array, path: string): void {
    if (value.byteLength > MAX_ENCODED) throw tooLarge(path);
    this.#put('b', `${value.constructor.name} ${Buffer.from(value).toString('base64')}`, path);
  }

  #array(value: readonly unknown[], path: string): void {
    if (value.length > MAX_ENCODED) throw tooLarge(path);
    if (Reflect.ownKeys(value).length !== value.length + 1) {
      throw new Undigestable(`${path} is an array with holes or properties of its own`);
    }
    this.#all('a', value, path);
  }

  #all(letter: string, values: readonly unknown[], path: string): void {
    this.text += `${letter}${values.length}:`;
    values.forEach((item, index) => {
      this.write(item, `${path}[${index}]`);
    });
  }

  #plain(value: Record<string, unknown>, path: string): void {
    const names = Reflect.ownKeys(value);
    this.text += `o${names.length}:`;
    for (const name of names.sort(byUnits)) {
      const property = Object.getOwnPropertyDescriptor(value, name)!;
      if (typeof name === 'symbol' || property.get !== undefined || property.set !== undefined) {
        throw new Undigestable(`${path} has the accessor or symbol ${String(name)}`);
      }
      this.#put('k', name, path);
      this.write(property.value, `${path}.${name}`);
    }
  }
}

function byUnits(a: string | symbol, b: string | symbol): number {
  return String(a) < String(b) ? -1 : 1;
}

function instance(value: object, path: string): Undigestable {
  return new Undigestable(`${path} is a ${value.constructor?.name || 'class instance'}`);
}

function tooLarge(path: string): Undigestable {
  return new Undigestable(`${path} is too large`);
}

/** `Object.prototype`, of this or of another realm. */
function isRoot(prototype: object | null): boolean {
  return (
    prototype !== null &&
    Object.getPrototypeOf(prototype) === null &&
    Object.hasOwn(prototype, 'isPrototypeOf')
  );
}

/** What Fastify's query parser gives its objects as a prototype: one that adds nothing. */
function isEmpty(prototype: object): boolean {
  return Object.getPrototypeOf(prototype) === null && Reflect.ownKeys(prototype).length === 0;
}

function isBytes(value: object, prototype: object): value is Uint8Array {
  if (!types.isUint8Array(value) || !Object.hasOwn(prototype, 'constructor')) return false;
  return prototype.constructor.name === 'Uint8Array' || prototype.constructor.name === 'Buffer';
}
