/** When a connection writes: at the end of the tick, or a little later and more at once while nobody can notice. */
import { Verb } from '../../lib/core/command/request.js';
import { type Ask, FedConnection } from '../faults/support/fed-connection.js';

jest.mock('../../lib/core/connection/open-socket.js', () => ({
  openSocket: (...given: [unknown, unknown, never, never]) =>
    jest
      .requireActual<typeof import('../faults/support/fed-connection.js')>(
        '../faults/support/fed-connection.js',
      )
      .fakeSocket(...given),
}));

const gets = (count: number): Ask[] => Array.from({ length: count }, (_, i) => [Verb.get, `key:${i}`]);
const round = () => new Promise<void>((resolve) => setImmediate(resolve));
const requestsIn = (written: string) => written.split('\r\n').length - 1;

describe('writes', () => {
  test('what a tick asks leaves with the tick, when little is on the wire', () => {
    const fed = new FedConnection('meta');
    for (const asked of [1, 2, 3]) expect(requestsIn(fed.ask(gets(1)))).toBe(asked);
    expect(requestsIn(fed.ask(gets(5)))).toBe(8);
  });

  test('a little more than what is on the wire waits for the end of the round, and for company', async () => {
    const fed = new FedConnection('meta');
    expect(requestsIn(fed.ask(gets(10)))).toBe(10);
    expect(requestsIn(fed.ask(gets(2)))).toBe(10);
    expect(requestsIn(fed.ask(gets(20)))).toBe(10);
    await round();
    expect(requestsIn(fed.ask([]))).toBe(32);
  });

  test('a wait that brought no company is not tried again for a while', async () => {
    const fed = new FedConnection('meta');
    fed.ask(gets(200));
    expect(requestsIn(fed.ask(gets(1)))).toBe(200);
    await round();
    for (let write = 1; write <= 32; write++) expect(requestsIn(fed.ask(gets(1)))).toBe(201 + write);
    expect(requestsIn(fed.ask(gets(1)))).toBe(233);
  });

  test('what is half of the wire or more leaves at once', () => {
    const fed = new FedConnection('meta');
    fed.ask(gets(10));
    expect(requestsIn(fed.ask(gets(6)))).toBe(16);
  });

  test('much to write leaves at once', () => {
    const fed = new FedConnection('meta');
    fed.ask(gets(10));
    const body = 'x'.repeat(20_000);
    expect(fed.ask([[Verb.set, 'large', { body, bytes: body.length }]])).toContain(body);
  });

  test('what waited when the connection was lost was not sent', async () => {
    const fed = new FedConnection('meta');
    fed.ask(gets(10));
    fed.ask(gets(1));
    fed.end();
    await round();
    expect(requestsIn(fed.ask([]))).toBe(10);
    expect(fed.told.at(-1)).toHaveLength(1);
    expect(fed.slots).toBe(0);
  });
});
