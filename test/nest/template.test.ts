/** Keys written as text. */
import fc from 'fast-check';
import { MemcachedKeyError, MemcachedOptionError } from '../../lib/index.js';
import { parseTemplate } from '../../lib/nest/decorators/template.js';

const keyOf = (template: string, ...args: unknown[]) => parseTemplate('here', template).key(args);

it.each<[string, unknown[], string]>([
  ['all', [], 'all'],
  ['user:{0}', ['a:b %'], 'user:a:b %'],
  ['{0}', [7n], '7'],
  ['user:{0}:{1.id}', ['a', { id: 3 }], 'user:a:3'],
  ['user:{1.id.text}/{0}', [true, { id: { text: 'a/b' } }], 'user:a%2Fb/true'],
  ['{0}:{1}', ['a:b', 'c'], 'a%3Ab:c'],
  ['{0}:{1}', ['a', 'b:c'], 'a:b%3Ac'],
  ['{0}:{1}', ['100%', 'x'], '100%25:x'],
  ['{0}', [new Date(5)], '1970-01-01T00:00:00.005Z'],
  ['{0}', [{ toString: () => '507f1f77' }], '507f1f77'],
])('%s of %p is %s', (template, args, key) => {
  expect(keyOf(template, ...args)).toBe(key);
});

it.each([
  [undefined, 'undefined'],
  [null, 'null'],
  ['', '""'],
  [Number.NaN, 'NaN'],
  [{}, '[object Object]'],
  [[1, 2], 'an array; write a function'],
  [new Date(Number.NaN), '[object Object]'],
])('makes no key of %p', (value, word) => {
  expect(() => keyOf('user:{0}', value)).toThrow(new MemcachedKeyError(`its part {0} is ${word}`));
  expect(() => keyOf('user:{0.id}', { id: value })).toThrow(MemcachedKeyError);
  expect(() => keyOf('user:{0.id.name}', undefined)).toThrow('its part {0.id.name} is undefined');
});

it.each([
  '',
  'user:{',
  'user:}',
  'user:{}',
  'user:{id}',
  'user:{0',
  'user:{0}}',
  'user:{0.}',
  'user:{-1}',
  '{0.a b}',
])('refuses the template %p when the class is loaded', (template) => {
  expect(() => parseTemplate('here', template)).toThrow(MemcachedOptionError);
  expect(() => parseTemplate('here', template)).toThrow('cannot be read. Between braces stands the number');
});

it.each(['{0}{1}', '{0}and{1}', '{0}3{1}', '{0}%{1}'])('refuses %p, which has no separator', (template) => {
  expect(() => parseTemplate('here', template)).toThrow('needs a sign such as ":" between its parts');
});

it('never makes one key of two lists of arguments', () => {
  const part = fc.string({ minLength: 1 });
  const three = fc.tuple(part, part, part);
  fc.assert(
    fc.property(
      three,
      three,
      fc.constantFrom('{0}:{1}/{2}', 'x{0}-{1}:{2}y', '{2}::{0}:{1}'),
      (a, b, template) => {
        const same = a.every((text, index) => text === b[index]);
        expect(keyOf(template, ...a) === keyOf(template, ...b)).toBe(same);
      },
    ),
    { examples: [[['a:b', 'c', 'd'], ['a', 'b:c', 'd'], '{2}::{0}:{1}']] },
  );
});
