/** When gets of one turn leave as one command, and that each is still told its own answer. */
import { Verb } from '../../lib/core/command/request.js';
import { type Ask, FedConnection, leaves } from '../faults/support/fed-connection.js';

jest.mock('../../lib/core/connection/open-socket.js', () => ({
  openSocket: (...given: [unknown, unknown, never, never]) =>
    jest
      .requireActual<typeof import('../faults/support/fed-connection.js')>(
        '../faults/support/fed-connection.js',
      )
      .fakeSocket(...given),
}));

const names = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => `k${from + i}`);
const gets = (from: number, to: number): Ask[] => names(from, to).map((key) => [Verb.get, key]);
const value = (key: string) => `VALUE ${key} 1 ${key.length}\r\n${key}\r\n`;
const isPatient = { patience: { release: () => {} } };

const single = (key: string, opaque: number) => `mg ${key} f v O${opaque}\r\n`;
const singles = (from: number, to: number, opaque: number) =>
  names(from, to)
    .map((key, i) => single(key, opaque + i))
    .join('');
const confirmed = (from: number, to: number, opaque: number) =>
  `get ${names(from, to - 1).join(' ')}\r\n${single(`k${to - 1}`, opaque)}`;

describe('on a server that knows meta', () => {
  test('gets of a turn leave one by one, as long as they are not very many', async () => {
    const fed = new FedConnection('meta', true);
    expect(await leaves(fed, gets(0, 127))).toBe(singles(0, 127, 0));
  });

  test('what follows the first 128 of a turn leaves in confirmed lists, if it is many', async () => {
    const fed = new FedConnection('meta', true);
    expect(await leaves(fed, gets(0, 128 + 128 + 64))).toBe(
      singles(0, 128, 0) + confirmed(128, 256, 128) + confirmed(256, 320, 129),
    );
  });

  test('of fewer than 64 the rest leaves one by one', async () => {
    const fed = new FedConnection('meta', true);
    expect(await leaves(fed, gets(0, 128 + 63))).toBe(singles(0, 191, 0));
  });

  test('so do the turns that follow, until one brings fewer', async () => {
    const fed = new FedConnection('meta', true);
    await leaves(fed, gets(0, 192));
    expect(await leaves(fed, gets(0, 64))).toBe(confirmed(0, 64, 129));
    expect(await leaves(fed, gets(0, 65))).toBe(confirmed(0, 65, 130));
    expect(await leaves(fed, gets(0, 63))).toBe(singles(0, 63, 131));
    expect(await leaves(fed, gets(0, 100))).toBe(singles(0, 100, 194));
  });

  test('each list leaves while the turn goes on', () => {
    const fed = new FedConnection('meta', true);
    const before = fed.dispatch(gets(0, 128)).length;
    expect(fed.dispatch(gets(128, 255))).toHaveLength(before);
    expect(fed.dispatch(gets(255, 256)).slice(before)).toBe(confirmed(128, 256, 128));
  });

  test('what cannot join a list leaves in its place', async () => {
    const fed = new FedConnection('meta', true);
    await leaves(fed, gets(0, 192));
    const asked = await leaves(fed, [
      ...gets(0, 70),
      [Verb.delete, 'k3'],
      ...gets(70, 80),
      [Verb.get, 'own', isPatient],
      [Verb.peek, 'seen'],
      ...gets(80, 150),
    ]);
    expect(asked).toBe(
      `${confirmed(0, 70, 129)}md k3 O130\r\n${singles(70, 80, 131)}${single('own', 141)}mg seen f c t v O142\r\n${confirmed(80, 150, 143)}`,
    );
  });

  test('behind a proxy, where lists are not wanted, there are none', async () => {
    const fed = new FedConnection('meta', false);
    expect(await leaves(fed, gets(0, 256))).toBe(singles(0, 256, 0));
  });

  /** A list of k0 to k63 is asked, confirmed by O0; nothing else is outstanding. */
  async function withList(): Promise<FedConnection> {
    const fed = new FedConnection('meta', true);
    await leaves(fed, gets(1_000, 1_192));
    for (let i = 0; i < 128; i++) fed.feed(Buffer.from(`EN O${i}\r\n`));
    fed.feed(Buffer.from('END\r\nEN O128\r\n'));
    fed.told.length = 0;
    expect(await leaves(fed, gets(0, 64))).toBe(confirmed(0, 64, 129));
    return fed;
  }

  test('everybody is told their own', async () => {
    const fed = await withList();
    fed.feed(Buffer.from(`${value('k1')}${value('k62')}END\r\nVA 2 f1 O129\r\nhi\r\n`));
    const told = fed.told.map((each) => each.join());
    const values = new Map([
      [1, /^value .* k1$/],
      [62, /^value .* k62$/],
      [63, /^value .* hi$/],
    ]);
    for (const [i, each] of told.entries()) expect(each).toMatch(values.get(i) ?? /^miss$/);
    expect([fed.slots, fed.connection.outstanding, fed.closed]).toEqual([0, 0, undefined]);
  });

  test('nobody is told a miss before the answer behind the list has named the request', async () => {
    const fed = await withList();
    fed.feed(Buffer.from(`${value('k1')}END\r\nEN O129\r`));
    expect(fed.told.filter((each) => each.length > 0)).toHaveLength(1);
    fed.feed(Buffer.from('\n'));
    expect(fed.told.filter((each) => each.length > 0)).toHaveLength(64);
  });

  test.each([
    ['another opaque', 'END\r\nEN O130\r\n'],
    ['no opaque', 'END\r\nEN\r\n'],
    ['a value without an opaque', 'END\r\nVA 2 f1\r\nhi\r\n'],
    ['the list it should have ended', `END\r\n${value('k1')}END\r\n`],
    ['another end', 'END\r\nEND\r\n'],
    ['an answer of another kind', 'END\r\nHD O129\r\n'],
    ['a complaint', 'END\r\nSERVER_ERROR out of memory\r\n'],
    ['the key that was not in it', `${value('k63')}END\r\nEN O129\r\n`],
  ])('behind a list %s closes the connection, and nobody is told a miss', async (_name, bytes) => {
    const fed = await withList();
    fed.feed(Buffer.from(bytes));
    expect(fed.closed?.kind).toBe('doubt');
    expect(fed.told).toEqual(Array(64).fill(['MEMCACHED_PROTOCOL']));
    expect(fed.slots).toBe(0);
  });

  test('a complaint about the list is told to those in it; who is asked for behind it has an answer', async () => {
    const fed = await withList();
    fed.feed(Buffer.from('SERVER_ERROR out of memory\r\nVA 2 f1 O129\r\nhi\r\n'));
    expect(fed.told.slice(0, 63)).toEqual(Array(63).fill(['serverError out of memory']));
    expect(fed.told[63]!.join()).toMatch(/^value .* hi$/);
    expect([fed.slots, fed.connection.outstanding, fed.closed]).toEqual([0, 0, undefined]);
  });

  test('when the connection is lost, what has not left was not sent', () => {
    const fed = new FedConnection('meta', true);
    fed.dispatch(gets(0, 128 + 128 + 70));
    fed.end();
    expect(fed.told).toEqual(Array(326).fill(['MEMCACHED_CONNECTION']));
    expect(fed.unsent).toBe(70);
    expect(fed.slots).toBe(0);
  });
});

describe('on a server without meta', () => {
  test('gets of a turn leave as one, and so do peeks', async () => {
    const fed = new FedConnection('classic', true);
    expect(await leaves(fed, [...gets(0, 2), [Verb.peek, 'seen']])).toBe('get k0 k1 seen\r\n');
    expect(await leaves(new FedConnection('classic', true), gets(0, 1))).toBe('get k0\r\n');
  });

  test('128 at once, while the turn goes on', () => {
    const fed = new FedConnection('classic', true);
    const list = (from: number, to: number) => `get ${names(from, to).join(' ')}\r\n`;
    expect(fed.dispatch(gets(0, 127))).toBe('');
    expect(fed.dispatch(gets(127, 256))).toBe(list(0, 128) + list(128, 256));
  });

  test('everybody is told their own', () => {
    const fed = new FedConnection('classic', true);
    fed.ask(gets(0, 3));
    fed.feed(Buffer.from(`${value('k1')}END\r\n`));
    expect(fed.told.map((each) => each.join().split(' ')[0])).toEqual(['miss', 'value', 'miss']);
    expect([fed.slots, fed.connection.outstanding]).toEqual([0, 0]);
  });

  test('a complaint is told to everybody', () => {
    const fed = new FedConnection('classic', true);
    fed.ask(gets(0, 3));
    fed.feed(Buffer.from('SERVER_ERROR out of memory\r\n'));
    expect(fed.told).toEqual(Array(3).fill(['serverError out of memory']));
  });
});
