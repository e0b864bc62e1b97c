/** The headers that caching is about, as text. */
import {
  etagOf,
  makeCacheControl,
  matches,
  mergeVary,
  millisecondsOf,
  parseCacheControl,
} from '../../lib/nest/http/headers.js';
import { keyFor, keyOfUrl } from '../../lib/nest/http/request.js';

it.each<[unknown, Record<string, string | true>]>([
  [undefined, {}],
  ['', {}],
  ['no-cache', { 'no-cache': true }],
  ['Max-Age=60, Private', { 'max-age': '60', private: true }],
  [
    'private="set-cookie", max-age="7" ,no-store',
    { private: 'set-cookie', 'max-age': '7', 'no-store': true },
  ],
])('Cache-Control %p says %p', (header, directives) => {
  expect(Object.fromEntries(parseCacheControl(header))).toEqual(directives);
});

it.each([
  ['max-age=60', 60_000],
  ['max-age=0', 0],
  ['max-age=-1', undefined],
  ['max-age=soon', undefined],
  ['max-age', undefined],
  ['max-age=999999999999', 31_536_000_000],
])('%s lasts %p ms', (header, milliseconds) => {
  expect(millisecondsOf(parseCacheControl(header), 'max-age')).toBe(milliseconds);
});

it('says how long a response lives, a year at most', () => {
  expect(makeCacheControl(false, 61_900, 0)).toBe('max-age=61');
  expect(makeCacheControl(true, 60_000, 5_000)).toBe('private, max-age=60, stale-while-revalidate=5');
  expect(makeCacheControl(false, 0, 5_000)).toBe('max-age=31536000');
});

it.each<[unknown, string[], string]>([
  [undefined, ['Cookie'], 'Cookie'],
  ['Origin, cookie', ['Cookie', 'Accept'], 'Origin, cookie, Accept'],
  [['Origin', 'Accept'], [], 'Origin, Accept'],
  ['*', ['Cookie'], '*'],
])('Vary %p and %p are %s', (existing, names, merged) => {
  expect(mergeVary(existing, names)).toBe(merged);
});

it.each<[unknown, boolean]>([
  [undefined, false],
  ['W/"a"', true],
  ['"a"', true],
  ['"b", W/"a"', true],
  ['*', true],
  ['"b"', false],
  ['"A"', false],
  ['a', false],
  ['"aa"', false],
  ['"b", "c, a"', false],
])('If-None-Match %p finds W/"a": %p', (header, found) => {
  expect(matches(header, 'W/"a"')).toBe(found);
});

it('gives equal bodies one ETag, and others another', () => {
  expect(etagOf({ a: 1 })).toBe(etagOf({ a: 1 }));
  expect(new Set([{ a: 1 }, { a: 2 }, 'a', null, [], Buffer.from('b')].map(etagOf)).size).toBe(6);
  expect(etagOf({ a: 1 })).toMatch(/^W\/"[\w-]{27}"$/);
  expect(etagOf({ a: 1n })).toBeUndefined();
});

describe('keys of requests', () => {
  const request = {
    method: 'GET',
    url: '/',
    headers: { host: 'A.example:80', accept: 'a,b', 'accept-language': 'de' },
  };
  const everybody = { kind: 'everybody' } as const;

  it('tell route, host and URL apart', () => {
    expect(keyOfUrl('News.all', request, '/news?a=1')).toBe('News.all/a.example%3A80//news?a=1');
    expect(keyOfUrl('News.all@1/x', request, '/')).toBe('News.all%401%2Fx/a.example%3A80//');
  });

  it('never read alike with other headers or scopes', () => {
    const scoped = { kind: 'scope', scope: '~de~' } as const;
    const keys = [
      keyFor('k', request, undefined, everybody),
      keyFor('k', request, ['accept'], everybody),
      keyFor('k', request, ['Accept-Language'], everybody),
      keyFor('k', request, ['accept', 'accept-language'], everybody),
      keyFor('k', request, ['x-none'], everybody),
      keyFor('k', request, undefined, scoped),
      keyFor('~de~k', request, ['x-none'], everybody),
      keyFor('@4:~de~:k', request, undefined, everybody),
    ];
    expect(new Set(keys).size).toBe(keys.length);
  });
});
