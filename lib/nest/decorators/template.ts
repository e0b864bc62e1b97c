/**
 * Keys written as text: `'user:{0}:{1.id}'` is `user:`, the first argument, `:`, and `id` of the second.
 *
 * Invariant: two lists of arguments give the same key only when their parts are the same text. Where a template
 * names several parts, a part that holds the separator behind it has it escaped (`%3A`), so that `a:b`, `c` and
 * `a`, `b:c` stay apart. A part that says nothing (`undefined`, `null`, '', `[object Object]`) makes no key.
 */
import { MemcachedKeyError, MemcachedOptionError } from '../../core/base/errors.js';
import { describe } from '../../core/base/options.js';

export interface Template {
  /** How many parts it names. */
  readonly parts: number;
  /** @throws MemcachedKeyError when a part says nothing. */
  key(args: readonly unknown[]): string;
}

interface Part {
  /** As it stands between the braces, for messages. */
  readonly text: string;
  readonly index: number;
  readonly path: readonly string[];
  /** What stands behind it, up to the next part. */
  readonly after: string;
}

/** Signs that escaping does not make. */
const SEPARATOR = /^[!-$&-/:-@[-`|~]/;
const PLACE = /^(\d+)((?:\.[A-Za-z_$][\w$]*)*)$/;

/** @throws MemcachedOptionError when it cannot be read. */
export function parseTemplate(where: string, template: string): Template {
  const [first = '', ...rest] = template.split('{');
  if (template === '' || first.includes('}')) throw unreadable(where, template);
  const parts = rest.map((text) => parsePart(where, template, text));
  for (const { after } of parts.slice(0, -1)) {
    if (SEPARATOR.test(after)) continue;
    throw new MemcachedOptionError(
      `${where}: the key ${describe(template)} needs a sign such as ":" between its parts, else two lists of ` +
        'arguments could make the same key.',
    );
  }
  const separators = new Set(parts.slice(0, -1).map(({ after }) => after[0]!));
  return {
    parts: parts.length,
    key(args) {
      let key = first;
      for (const part of parts) key += escaped(textOf(part, args), separators) + part.after;
      return key;
    },
  };
}

function parsePart(where: string, template: string, text: string): Part {
  const end = text.indexOf('}');
  const place = PLACE.exec(text.slice(0, Math.max(end, 0)));
  if (place === null || text.indexOf('}', end + 1) !== -1) throw unreadable(where, template);
  const [whole, index, path] = place as unknown as [string, string, string];
  return { text: whole, index: Number(index), path: path.split('.').slice(1), after: text.slice(end + 1) };
}

function unreadable(where: string, template: string): MemcachedOptionError {
  return new MemcachedOptionError(
    `${where}: the key ${describe(template)} cannot be read. Between braces stands the number of an argument, ` +
      "from 0, and what of it: 'user:{0}:{1.id}'.",
  );
}

function textOf(part: Part, args: readonly unknown[]): string {
  let value = args[part.index];
  for (const name of part.path) {
    value = value === null || value === undefined ? undefined : (value as Record<string, unknown>)[name];
  }
  const text = asText(value);
  if (text !== undefined) return text;
  throw new MemcachedKeyError(`its part {${part.text}} is ${nothing(value)}`);
}

/** `undefined`: not a value that tells one key from another. */
function asText(value: unknown): string | undefined {
  switch (typeof value) {
    case 'string':
      return value === '' ? undefined : value;
    case 'number':
      return Number.isNaN(value) ? undefined : String(value);
    case 'bigint':
    case 'boolean':
      return String(value);
    case 'object':
      return value === null || Array.isArray(value) ? undefined : textOfObject(value);
    default:
      return undefined;
  }
}

/** An id that is an object, such as MongoDB's, says what it is. */
function textOfObject(value: object): string | undefined {
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? undefined : value.toISOString();
  const text = typeof value.toString === 'function' ? String(value) : '';
  return text === '' || text.startsWith('[object ') ? undefined : text;
}

function nothing(value: unknown): string {
  if (Array.isArray(value)) return 'an array; write a function';
  return typeof value === 'object' && value !== null ? '[object Object]' : describe(value);
}

function escaped(text: string, separators: ReadonlySet<string>): string {
  if (separators.size === 0) return text;
  let made = '';
  for (const sign of text) {
    made += sign === '%' || separators.has(sign) ? `%${sign.charCodeAt(0).toString(16).toUpperCase()}` : sign;
  }
  return made;
}
