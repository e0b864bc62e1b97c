/**
 * Stored data made into instances of a class again.
 *
 * Invariant: no code of the class runs, neither its constructor nor a setter, and data cannot choose the
 * prototype. State that lives in `#private` fields is not in the data and does not come back.
 */

/** A class, whatever its constructor takes. */
export type ClassOf<T extends object = object> = abstract new (...parameters: never[]) => T;

/**
 * An instance of `type` with `data` as its own properties; an array becomes an array of instances.
 * Anything that is not a plain object (null, text, a Date ...) is given back as it is.
 */
export function rebuild(type: ClassOf, data: unknown): unknown {
  return Array.isArray(data) ? data.map((element) => rebuildOne(type, element)) : rebuildOne(type, data);
}

function rebuildOne(type: ClassOf, data: unknown): unknown {
  if (typeof data !== 'object' || data === null) return data;
  const prototype: unknown = Object.getPrototypeOf(data);
  if (prototype !== Object.prototype && prototype !== null) return data;
  // Defined, not assigned: a key `__proto__` would change the prototype, and a setter would run.
  return Object.create(type.prototype as object, Object.getOwnPropertyDescriptors(data));
}
