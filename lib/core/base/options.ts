/**
 * Checks options once, when something is made: converts what the environment can only give as text,
 * fills in defaults and refuses the rest with a sentence that says what to write instead.
 *
 * Invariant: what leaves here is complete; nobody behind it asks for a default again.
 */
import { toBytes, toMilliseconds } from './durations.js';
import { MemcachedOptionError } from './errors.js';

/** Turns one given value into the checked one, or returns {@link REFUSED} (or throws a better sentence). */
export interface OptionRule<T> {
  readonly fallback: T;
  /** What a right value looks like, for the message: "milliseconds of 1 or more, or a string like '4s'". */
  readonly expects: string;
  /** `path` is the full name of the option, for rules with options of their own. */
  read(given: unknown, path: string): T | typeof REFUSED;
}

export const REFUSED = Symbol('refused');

export type OptionRules<T> = { readonly [K in keyof T]-?: OptionRule<T[K]> };

/**
 * @param where - what the options belong to, for messages: `MemcachedPoolModule.forRoot()`
 * @throws MemcachedOptionError naming the option.
 */
export function checkOptions<T extends object>(where: string, given: unknown, rules: OptionRules<T>): T {
  if (given !== undefined && (given === null || typeof given !== 'object' || Array.isArray(given))) {
    throw new MemcachedOptionError(`${where} takes an object of options, not ${describe(given)}.`);
  }
  const source = (given ?? {}) as Record<string, unknown>;
  for (const name of Object.keys(source)) {
    if (!Object.hasOwn(rules, name)) throw unknownOption(where, name, Object.keys(rules));
  }
  const checked: Record<string, unknown> = {};
  for (const [name, rule] of Object.entries(rules) as [string, OptionRule<unknown>][]) {
    const value = Object.hasOwn(source, name) ? source[name] : undefined;
    if (value === undefined) {
      checked[name] = rule.fallback;
      continue;
    }
    const read = rule.read(value, name);
    if (read === REFUSED) {
      throw new MemcachedOptionError(
        `${where}: option "${name}" must be ${rule.expects}, not ${describe(value)}.`,
      );
    }
    checked[name] = read;
  }
  return checked as T;
}

/** The error for an option nobody knows, with the nearest known name if one is near. */
export function unknownOption(where: string, name: string, known: readonly string[]): MemcachedOptionError {
  const near = nearest(name, known);
  const hint = near === undefined ? `The options are ${known.join(', ')}.` : `Did you mean "${near}"?`;
  return new MemcachedOptionError(`${where}: there is no option "${name}". ${hint}`);
}

/** How a refused value looks in a message: never longer than a few words, never a secret's holder. */
export function describe(value: unknown): string {
  if (typeof value === 'string')
    return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}...` : value);
  if (typeof value === 'bigint') return `${value}n`;
  if (value === null || typeof value !== 'object') return String(value);
  return Array.isArray(value) ? 'an array' : 'an object';
}

function nearest(name: string, known: readonly string[]): string | undefined {
  const given = name.toLowerCase();
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(given.length / 3)) + 1;
  for (const candidate of known) {
    // "timout" means commandTimeout: people remember the last word of a name best.
    const lastWord = candidate.slice(candidate.search(/[A-Z][a-z0-9]*$/));
    const distance = Math.min(
      editDistance(given, candidate.toLowerCase()),
      editDistance(given, lastWord.toLowerCase()) + 0.5,
    );
    if (distance < bestDistance) {
      bestDistance = distance;
      best = candidate;
    }
  }
  return best;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitute = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substitute, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}

// ---- rules ----

function toNumber(given: unknown): number | undefined {
  if (typeof given === 'number') return given;
  if (typeof given === 'string' && /^\s*-?\d+(\.\d+)?\s*$/.test(given)) return Number(given);
  return undefined;
}

/** Milliseconds or a string with a unit, no less than `min` milliseconds. */
export function duration(fallback: number, min = 1, max = 2_147_483_647): OptionRule<number> {
  return {
    fallback,
    expects: `milliseconds from ${min} to ${max}, or a string like '4s'`,
    read: (given) => {
      const value = toMilliseconds(given);
      return value !== undefined && value >= min && value <= max ? value : REFUSED;
    },
  };
}

export function integer(fallback: number, min: number, max: number): OptionRule<number> {
  return {
    fallback,
    expects: `a whole number from ${min} to ${max}`,
    read: (given) => {
      const value = toNumber(given);
      return value !== undefined && Number.isInteger(value) && value >= min && value <= max ? value : REFUSED;
    },
  };
}

/** A number that need not be whole. */
export function fraction(fallback: number, min: number, max: number): OptionRule<number> {
  return {
    fallback,
    expects: `a number from ${min} to ${max}`,
    read: (given) => {
      const value = toNumber(given);
      return value !== undefined && value >= min && value <= max ? value : REFUSED;
    },
  };
}

/** Bytes or a string with a unit. */
export function bytes(fallback: number, min: number, max: number): OptionRule<number> {
  return {
    fallback,
    expects: `bytes from ${min} to ${max}, or a string like '8m'`,
    read: (given) => {
      const value = toBytes(given);
      return value !== undefined && value >= min && value <= max ? value : REFUSED;
    },
  };
}

export function boolean(fallback: boolean): OptionRule<boolean> {
  return {
    fallback,
    expects: 'true or false',
    read: (given) => {
      if (typeof given === 'boolean') return given;
      if (typeof given !== 'string') return REFUSED;
      const text = given.trim().toLowerCase();
      if (text === 'true' || text === '1') return true;
      return text === 'false' || text === '0' ? false : REFUSED;
    },
  };
}

export function oneOf<const T extends string>(fallback: NoInfer<T>, words: readonly T[]): OptionRule<T> {
  return {
    fallback,
    expects: `one of ${words.map((word) => `'${word}'`).join(', ')}`,
    read: (given) => (words.includes(given as T) ? (given as T) : REFUSED),
  };
}

export function text<T extends string | undefined>(fallback: T): OptionRule<string | T> {
  return {
    fallback,
    expects: 'a string',
    read: (given) => (typeof given === 'string' ? given : REFUSED),
  };
}

/** Anything `accepts` says yes to, passed on as it is. */
export function like<T>(fallback: T, expects: string, accepts: (given: unknown) => boolean): OptionRule<T> {
  return { fallback, expects, read: (given) => (accepts(given) ? (given as T) : REFUSED) };
}
