/**
 * How a value that cannot be stored is named, and where in the whole it was found.
 *
 * Invariant: a message shows classes and property names that look like program text, never contents; the
 * keys of a dictionary are contents.
 */
import { type MemcachedErrorFacts, MemcachedValueError } from '../base/errors.js';

/** Steps from the whole value down to a part: property names and positions. */
export type Path = readonly (string | number)[];

/** A {@link MemcachedValueError} that says what kind of value it was, for whoever warns once per kind. */
export class RefusedValueError extends MemcachedValueError {
  constructor(
    /** "an instance of Product", "a function": the same for every value of the kind. */
    readonly kind: string,
    path: Path,
    advice: string,
    facts?: MemcachedErrorFacts,
  ) {
    super(`Cannot store ${kind}${whereabouts(path)}: ${advice}`, facts);
  }

  override get name(): string {
    return 'MemcachedValueError';
  }
}

export function refuseUndefined(): RefusedValueError {
  return new RefusedValueError('undefined', [], 'a miss is undefined too. Store null, or delete the key.');
}

export function refuseFunction(value: unknown, path: Path): RefusedValueError {
  return new RefusedValueError(
    typeof value === 'symbol' ? 'a symbol' : 'a function',
    path,
    'it has no data that could come back. Leave it out, or pass "plain: true" to have it left out of objects.',
  );
}

export function refuseInstance(value: object, path: Path, plain: boolean): RefusedValueError {
  const kind = `an instance of ${className(value)}`;
  if (plain) {
    return new RefusedValueError(
      kind,
      path,
      'it has no plain data. Store what you need of it as text, numbers or bytes.',
    );
  }
  return new RefusedValueError(
    kind,
    path,
    'it would come back as a plain object. Pass "type" with the class to have it rebuilt by the cache, ' +
      '"plain: true" if plain data will do, or store its data.',
  );
}

export function refuseToJson(path: Path): RefusedValueError {
  return new RefusedValueError(
    'an object with a toJSON method',
    path,
    'what comes back would not equal it. Store what toJSON() gives, or pass "plain: true".',
  );
}

export function refuseSymbolKeys(path: Path): RefusedValueError {
  return new RefusedValueError(
    'an object with symbols as keys',
    path,
    'they cannot be written. Use strings as keys, or pass "plain: true" to leave them out.',
  );
}

export function refuseHole(path: Path): RefusedValueError {
  return new RefusedValueError('a sparse array', path, 'it has a hole here. Fill it with null or undefined.');
}

export function refuseExtraProperties(value: object, path: Path): RefusedValueError {
  const kind = Array.isArray(value) ? 'an array' : `a ${className(value)}`;
  return new RefusedValueError(
    `${kind} with properties of its own`,
    path,
    'they would be lost. Store its elements, or put both into an object.',
  );
}

export function refuseDepth(ancestors: readonly object[], path: Path, maxDepth: number): RefusedValueError {
  if (new Set(ancestors).size < ancestors.length) {
    return new RefusedValueError(
      'a value that contains itself',
      path,
      'it has no end. Store ids in place of the references that lead back.',
    );
  }
  return new RefusedValueError(
    'a value nested so deep',
    path,
    `it is over ${maxDepth} levels (maxDepth). Flatten it, or raise maxDepth.`,
  );
}

export function refuseSize(maxBytes: number): RefusedValueError {
  return new RefusedValueError(
    'a value so large',
    [],
    `its JSON is over ${maxBytes} bytes (maxDecompressedSize), which no reader would parse. Store it in parts.`,
  );
}

/** The class of an object that has a prototype, as program text. */
function className(value: object): string {
  const prototype: object = Object.getPrototypeOf(value);
  const maker: unknown = Object.hasOwn(prototype, 'constructor') ? prototype.constructor : undefined;
  return typeof maker === 'function' && maker.name !== '' ? maker.name.slice(0, 60) : 'an unnamed class';
}

const LOOKS_LIKE_A_NAME = /^[A-Za-z_$]{1,30}\d{0,2}$/;
const SHOWN_STEPS = 6;

function whereabouts(path: Path): string {
  if (path.length === 0) return '';
  const steps = path.slice(-SHOWN_STEPS).map((step) => {
    if (typeof step === 'number') return `[${step}]`;
    return LOOKS_LIKE_A_NAME.test(step) ? `.${step}` : '[...]';
  });
  return ` (at ${path.length > SHOWN_STEPS ? '...' : 'value'}${steps.join('')})`;
}
