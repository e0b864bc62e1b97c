import { isDeepStrictEqual } from 'node:util';
import { runInNewContext } from 'node:vm';
import * as fc from 'fast-check';
import { digest, Undigestable } from '../../lib/nest/decorators/default-key.js';

class Point {
  constructor(
    readonly x: number,
    readonly y: number,
  ) {}
}

describe('digest', () => {
  it('is 43 characters that every protocol takes', () => {
    expect(digest([])).toMatch(/^[\w-]{43}$/);
    expect(digest(['\r\n \0', 'é'.repeat(1_000)])).toMatch(/^[\w-]{43}$/);
  });

  it.each<[string, unknown[], unknown[]]>([
    ['the order of properties', [{ a: 1, b: { c: 2, d: 3 } }], [{ b: { d: 3, c: 2 }, a: 1 }]],
    ['the prototype of plain objects', [{ a: 1 }], [Object.assign(Object.create(null), { a: 1 })]],
    ['the realm they come from', [{ a: [1] }], [runInNewContext('({ a: [1] })')]],
    ['the identity of dates and bytes', [new Date(5), Buffer.from('a')], [new Date(5), Buffer.from('a')]],
  ])('does not depend on %s', (_, one, other) => {
    expect(digest(one)).toBe(digest(other));
  });

  it.each<[string, unknown[], unknown[]]>([
    ['a number and its text', [1], ['1']],
    ['a bigint and a number', [1n], [1]],
    ['zero and minus zero', [0], [-0]],
    ['null and undefined', [null], [undefined]],
    ['undefined and no argument', [undefined], []],
    ['an absent and an undefined property', [{}], [{ a: undefined }]],
    ['false and 0', [false], [0]],
    ['one list and two arguments', [['a', 'b']], ['a', 'b']],
    ['nested and flat lists', [[['a'], 'b']], [['a', ['b']]]],
    ['texts cut elsewhere', ['ab', 'c'], ['a', 'bc']],
    ['a text that looks like two', ['a1:b'], ['a', 'b']],
    ['a date and its time', [new Date(5)], [5]],
    ['bytes and their text', [Buffer.from('a')], ['a']],
    ['a Buffer and a Uint8Array', [Buffer.from('a')], [new Uint8Array([97])]],
    ['a map and an object', [new Map([['a', 1]])], [{ a: 1 }]],
    ['a set and a list', [new Set([1])], [[1]]],
    [
      'maps of pairs and of halves',
      [new Map([['a', 'b']])],
      [
        new Map([
          ['a', undefined],
          ['b', undefined],
        ]),
      ],
    ],
    ['an empty list and an empty object', [[]], [{}]],
    ['keys and values', [{ a: 'b' }], [{ b: 'a' }]],
    ['lone surrogates', ['\ud800'], ['\ud801']],
  ])('tells apart %s', (_, one, other) => {
    expect(digest(one)).not.toBe(digest(other));
  });

  const itself: unknown[] = [];
  itself.push(itself);

  it.each<[string, unknown, string]>([
    ['a class instance', new Point(1, 2), 'argument 1 is a Point'],
    ['one inside', { list: [new Point(1, 2)] }, 'argument 1.list[0] is a Point'],
    ['a subclass of a built-in', new (class Stamp extends Date {})(0), 'argument 1 is a Stamp'],
    ['a built-in with properties of its own', Object.assign(new Map(), { x: 1 }), 'argument 1 is a Map'],
    ['a function', () => 1, 'argument 1 is a function'],
    ['a symbol', Symbol('x'), 'argument 1 is a symbol'],
    ['a promise', Promise.resolve(1), 'argument 1 is a Promise'],
    ['an error', new Error('x'), 'argument 1 is a Error'],
    ['a getter', Object.defineProperty({}, 'x', { get: () => 1 }), 'accessor or symbol x'],
    ['a symbol property', { [Symbol('x')]: 1 }, 'accessor or symbol Symbol(x)'],
    ['a list with holes', new Array(3), 'argument 1 is an array with holes'],
    ['what contains itself', itself, 'argument 1[0] contains itself'],
    ['a long text', 'x'.repeat(65_537), 'argument 1 is too large'],
    ['many bytes', Buffer.alloc(65_537), 'argument 1 is too large'],
    ['many values', new Array(30_000).fill(1), 'is too large'],
  ])('refuses %s', (_, value, reason) => {
    expect(() => digest([value])).toThrow(Undigestable);
    expect(() => digest([value])).toThrow(reason);
  });

  it('takes the same object twice side by side', () => {
    const shared = { a: 1 };
    expect(digest([shared, shared])).toBe(digest([{ a: 1 }, { a: 1 }]));
  });

  it('is equal exactly when the arguments are', () => {
    // Few values, so that many pairs are equal or nearly so.
    const few = fc.constantFrom<unknown>(0, 1, '', '0', 'a', null, undefined, true, 1n);
    const key = fc.constantFrom('a', 'b', '0');
    const anything = fc.anything({
      values: [few],
      key,
      maxDepth: 2,
      maxKeys: 2,
      withDate: true,
      withBigInt: true,
    });
    const args = fc.array(anything, { maxLength: 2 });
    fc.assert(
      fc.property(args, args, (one, other) => {
        expect(digest(one) === digest(other)).toBe(isDeepStrictEqual(one, other));
        expect(digest(structuredClone(one))).toBe(digest(one));
      }),
      { numRuns: 1_000 },
    );
  });
});
