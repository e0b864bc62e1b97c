/** What a pool can be told, what is converted, and the sentence for everything else. */
import { generateKeyPairSync } from 'node:crypto';
import { inspect } from 'node:util';
import { MemcachedOptionError } from '../../lib/core/base/errors.js';
import {
  checkPoolOptions,
  type MemcachedPoolOptions,
  POOL_OPTION_NAMES,
} from '../../lib/core/pool/options.js';
import { MemcachedPool } from '../../lib/core/pool/pool.js';

/** The sentence a pool with these options is refused with. */
function sentence(options: unknown): string {
  try {
    checkPoolOptions(options);
  } catch (error) {
    expect(error).toBeInstanceOf(MemcachedOptionError);
    expect(error).toMatchObject({ code: 'MEMCACHED_OPTION', sent: 'no' });
    return (error as Error).message;
  }
  throw new Error(`was accepted: ${inspect(options)}`);
}

describe('options', () => {
  test('undefined means the default, everywhere', () => {
    const all = Object.fromEntries(POOL_OPTION_NAMES.map((name) => [name, undefined]));
    const { clock, random, ...checked } = checkPoolOptions(all);
    expect(checked).toEqual({
      nodes: [
        {
          name: '127.0.0.1:11211',
          address: { host: '127.0.0.1', port: 11211 },
          weight: 1,
          tls: false,
          auth: undefined,
        },
      ],
      distribution: 'ketama',
      ketama: undefined,
      modula: undefined,
      onBlacklisted: 'fail',
      protocol: 'auto',
      poolSize: 4,
      connectTimeout: 500,
      commandTimeout: 500,
      idleTimeout: 60_000,
      closeTimeout: 2_000,
      blacklistTime: 4_000,
      maxPending: 16_384,
      maxPendingBytes: 67_108_864,
      maxItemSize: 1_048_576,
      maxValueSize: 67_108_864,
      retries: 1,
      longKeys: 'refuse',
      tls: false,
      auth: undefined,
      values: undefined,
      name: 'default',
    });
    expect(clock.now()).toBeGreaterThan(0);
    expect(random()).toBeLessThan(1);
  });

  test('what the environment gives as text is converted', () => {
    expect(
      checkPoolOptions({
        nodes: ' a:1 , b, unix:/run/mc.sock [::1]:2 ',
        poolSize: '2',
        connectTimeout: '250',
        commandTimeout: '1.5s',
        idleTimeout: '1m',
        maxPending: '10',
        maxPendingBytes: '8m',
        maxItemSize: '2mb',
        retries: '0',
        tls: 'true',
      }),
    ).toMatchObject({
      nodes: [{ name: 'a:1' }, { name: 'b:11211' }, { name: 'unix:/run/mc.sock' }, { name: '[::1]:2' }],
      poolSize: 2,
      connectTimeout: 250,
      commandTimeout: 1_500,
      idleTimeout: 60_000,
      maxPending: 10,
      maxPendingBytes: 8_388_608,
      maxItemSize: 2_097_152,
      retries: 0,
      tls: {},
    });
  });

  test('a node as an object says what it does not share with the others', () => {
    const tls = { ca: 'x' };
    const auth = { user: 'a', password: 'b' };
    expect(
      checkPoolOptions({
        tls,
        auth,
        nodes: ['a', { host: 'b', port: '1', weight: '2', tls: false }, { path: '/s' }],
      }).nodes,
    ).toEqual([
      { name: 'a:11211', address: { host: 'a', port: 11211 }, weight: 1, tls, auth },
      { name: 'b:1', address: { host: 'b', port: 1 }, weight: 2, tls: false, auth },
      { name: 'unix:/s', address: { path: '/s' }, weight: 1, tls, auth },
    ]);
  });

  test('maxValueSize is never below maxItemSize: what was stored can be read', () => {
    expect(checkPoolOptions({ maxItemSize: '128m' }).maxValueSize).toBe(134_217_728);
    expect(checkPoolOptions({ maxValueSize: '2k' }).maxValueSize).toBe(1_048_576);
  });

  test.each([
    ['timout', 'commandTimeout'],
    ['timeout', 'commandTimeout'],
    ['conectTimeout', 'connectTimeout'],
    ['connecttimeout', 'connectTimeout'],
    ['comandTimeout', 'commandTimeout'],
    ['idletimeout', 'idleTimeout'],
    ['poolsize', 'poolSize'],
    ['pool_size', 'poolSize'],
    ['node', 'nodes'],
    ['blackListTime', 'blacklistTime'],
    ['onBlacklist', 'onBlacklisted'],
    ['maxpending', 'maxPending'],
    ['maxPendingByte', 'maxPendingBytes'],
    ['maxItemsSize', 'maxItemSize'],
    ['retrys', 'retries'],
    ['distrbution', 'distribution'],
    ['protocl', 'protocol'],
    ['longKey', 'longKeys'],
    ['TLS', 'tls'],
    ['Auth', 'auth'],
    ['value', 'values'],
    ['nane', 'name'],
  ])('the misspelt option %p › is refused, with %p for an answer', (given, meant) => {
    expect(sentence({ [given]: 1 })).toBe(
      `new MemcachedPool(): there is no option "${given}". Did you mean "${meant}"?`,
    );
  });

  test('an option nobody could have meant › is refused with the list of those there are', () => {
    const message = sentence({ xyzzyplughfrobnicate: true });
    for (const name of POOL_OPTION_NAMES) expect(message).toContain(name);
  });

  const numbers = ['poolSize', 'maxPending', 'retries'];
  const durations = ['connectTimeout', 'commandTimeout', 'idleTimeout', 'closeTimeout', 'blacklistTime'];
  const sizes = ['maxPendingBytes', 'maxItemSize', 'maxValueSize'];
  test.each<[string, unknown]>([
    ...numbers.flatMap((name) =>
      [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 'many', true, {}, null].map(
        (value) => [name, value] as [string, unknown],
      ),
    ),
    ...durations.flatMap((name) =>
      [-1, Number.NaN, Number.POSITIVE_INFINITY, 'soon', '-1s', '5 parsecs', true, [], null].map(
        (value) => [name, value] as [string, unknown],
      ),
    ),
    ...sizes.flatMap((name) =>
      [0, -1, Number.NaN, 'big', '8x', true, {}, null].map((value) => [name, value] as [string, unknown]),
    ),
    ['poolSize', 0],
    ['connectTimeout', 0],
    ['commandTimeout', 0],
    ['blacklistTime', 0],
    ['maxItemSize', '2g'],
    ['protocol', 'ascii'],
    ['protocol', 'binary'],
    ['onBlacklisted', 'retry'],
    ['longKeys', true],
    ['nodes', 42],
    ['nodes', {}],
    ['tls', 1],
    ['tls', null],
    ['name', 7],
    ['clock', {}],
    ['random', 0.5],
  ])('%s: %p › is refused in one sentence that says what to write instead', (name, value) => {
    expect(sentence({ [name]: value })).toMatch(
      new RegExp(`^new MemcachedPool\\(\\): option "${name}" must be .+, not .+\\.$`),
    );
  });

  test.each<[string, unknown, RegExp]>([
    ['an empty list', { nodes: [] }, /"nodes" is empty/],
    ['an empty text', { nodes: ' , ' }, /"nodes" is empty/],
    ['a number', { nodes: [11211] }, /nodes\[0\] must be a string or an object, not 11211/],
    ['a port that cannot be', { nodes: ['a:70000'] }, /Cannot read the node address "a:70000"/],
    ['a node without an address', { nodes: ['a', { port: 1 }] }, /nodes\[1\] needs either "host" or "path"/],
    ['host and path', { nodes: [{ host: 'a', path: '/s' }] }, /nodes\[0\] needs either "host" or "path"/],
    ['a misspelt option', { nodes: [{ host: 'a', prot: 1 }] }, /nodes\[0\].*"prot"\. Did you mean "port"\?/],
    ['a weight of 0', { nodes: [{ host: 'a', weight: 0 }] }, /nodes\[0\].*"weight" must be a whole number/],
    ['the same twice', { nodes: ['a', 'a:11211'] }, /a:11211/],
    ['an unknown distribution', { distribution: 'ketema' }, /"distribution" must be one of 'ketama'/],
    ['an unknown library', { ketama: { compatible: 'spymemcached' } }, /"compatible" must be one of/],
    ['an unknown codec option', { values: { compres: true } }, /"compres"/],
    ['no object', 'localhost:11211', /takes an object of options, not "localhost:11211"/],
    ['a list', ['a'], /takes an object of options, not an array/],
    ['null', null, /takes an object of options, not null/],
  ])('nodes and the like: %s › is refused', (_name, options, expected) => {
    expect(sentence(options)).toMatch(expected);
  });

  test('options of the prototype are not options', () => {
    expect(sentence({ constructor: 1 })).toMatch(/no option "constructor"/);
    expect(sentence(JSON.parse('{"__proto__": 1}'))).toMatch(/no option "__proto__"/);
    expect(checkPoolOptions(Object.create({ poolSize: 9 })).poolSize).toBe(4);
  });
});

describe('secrets', () => {
  const password = 's3cret-Pa55';

  test.each<[string, unknown]>([
    ['auth as text', { auth: `alice:${password}` }],
    ['auth as a list', { auth: ['alice', password] }],
    ['a user with a space', { auth: { user: 'a b', password } }],
    ['a password with a line end', { auth: { user: 'alice', password: `${password}\r\n` } }],
    ['auth of a node', { nodes: [{ host: 'a', auth: password }] }],
    ['a login in the address', { nodes: [`alice:${password}@10.0.0.1:11211`] }],
    ['a login in a URL', { nodes: `memcached://alice:${password}@10.0.0.1:11211` }],
    ['a password with an at sign', { nodes: [`alice:${password}@x@10.0.0.1:11211`] }],
  ])('%s › is refused without a word of the password', (_name, options) => {
    expect(sentence(options)).not.toContain(password);
  });

  test('nothing that can be printed of a pool holds the password or the private key', () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
    const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const options: MemcachedPoolOptions = {
      nodes: ['a', { host: 'b', auth: { user: 'bob', password } }],
      auth: { user: 'alice', password },
      tls: { key, passphrase: password, ca: 'x' },
    };
    const pool = new MemcachedPool(options);
    const printed = [
      inspect(pool, { depth: Number.POSITIVE_INFINITY, showHidden: true }),
      JSON.stringify(pool.nodes()),
      String(pool),
    ];
    for (const text of printed) {
      expect(text).not.toContain(password);
      expect(text).not.toContain('PRIVATE KEY');
    }
  });
});
