/** When a connection writes: at the end of the tick, or a little later and more at once while nobody can notice. */
import { Verb } from '../../lib/core/command/request.js';
import { Delay } from '../../lib/core/connection/delay.js';
import { ManualClock } from '../../lib/testing/index.js';
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
const sets = (count: number, bytes: number): Ask[] =>
  Array.from({ length: count }, (_, i) => [
    Verb.set,
    `key:${i}`,
    { body: 'x'.repeat(bytes), bytes, flags: 1 },
  ]);
const round = () => new Promise<void>((resolve) => setImmediate(resolve));
const requestsIn = (written: string) => written.split('\r\n').length - 1;

describe('writes', () => {
  test('what a tick asks leaves with the tick, when nothing is on the wire', () => {
    const fed = new FedConnection('meta');
    expect(requestsIn(fed.ask(gets(3)))).toBe(3);
  });

  test('while something is on the wire the rest of a round goes together', async () => {
    const fed = new FedConnection('meta');
    fed.ask(gets(1));
    for (const asked of [2, 20, 1]) expect(requestsIn(fed.ask(gets(asked)))).toBe(1);
    await round();
    await round();
    expect(requestsIn(fed.ask([]))).toBe(24);
  });

  test('as long as each round brings more, up to eight go together', async () => {
    const fed = new FedConnection('meta');
    fed.ask(gets(1));
    const counts: number[] = [];
    await new Promise<void>((resolve) => {
      const turn = (): void => {
        if (counts.length < 10) setImmediate(turn);
        else resolve();
        counts.push(requestsIn(fed.ask(gets(1))));
      };
      turn();
    });
    expect(counts).toEqual([...Array(9).fill(1), 10, 10]);
  });

  /** Six gets a round while two are on the wire. @returns what was written after each */
  async function sixARound(rounds: number, answers: Record<number, string> = {}): Promise<number[]> {
    const fed = new FedConnection('meta');
    fed.ask(gets(2));
    const counts: number[] = [];
    await new Promise<void>((resolve) => {
      const turn = (): void => {
        if (counts.length < rounds - 1) setImmediate(turn);
        else resolve();
        counts.push(requestsIn(fed.ask(gets(6))));
        const answer = answers[counts.length];
        if (answer !== undefined) fed.feed(Buffer.from(answer));
      };
      turn();
    });
    return counts;
  }

  test('rounds that bring more without an answer let up to twenty wait', async () => {
    expect(await sixARound(5)).toEqual([2, 2, 2, 2, 26]);
  });

  test('what came unbidden waits for company although all that was on the wire is answered', async () => {
    expect(await sixARound(5, { 3: 'EN O0\r\nEN O1\r\n' })).toEqual([2, 2, 2, 2, 26]);
  });

  test('more than a few wait no longer when an answer came: then the server has nothing to do soon', async () => {
    expect(await sixARound(4, { 1: 'EN O0\r\n' })).toEqual([2, 2, 14, 14]);
  });

  test('callers that came unbidden once are taken to come so for fifteen waits more', () => {
    const delay = new Delay(new ManualClock());
    /** Whether nine wait for another round, behind an answer. */
    const nineWait = (): boolean => delay.begin(4, 100, 3) && delay.goesOn(9, 200, 2);
    const ended = (): boolean => !delay.goesOn(9, 200, 2);
    expect(nineWait()).toBe(false);
    expect(delay.begin(4, 100, 3) && delay.goesOn(9, 200, 3)).toBe(true);
    expect(ended()).toBe(true);
    for (let wait = 1; wait <= 15; wait++) expect(nineWait() && ended()).toBe(true);
    expect(nineWait()).toBe(false);
  });

  test('rounds that take long end the wait', async () => {
    const fed = new FedConnection('meta');
    fed.ask(gets(1));
    fed.ask(gets(1));
    fed.clock.advance(1);
    fed.ask(gets(1));
    await round();
    expect(requestsIn(fed.ask([]))).toBe(3);
  });

  test('once everything is answered nothing waits any longer', async () => {
    const fed = new FedConnection('meta');
    fed.ask(gets(1));
    fed.ask(gets(1));
    fed.feed(Buffer.from('EN O0\r\n'));
    fed.ask(gets(1));
    await round();
    expect(requestsIn(fed.ask([]))).toBe(3);
  });

  test('a wait that brought no company is not tried again for a while', async () => {
    const fed = new FedConnection('meta');
    fed.ask(gets(200));
    expect(requestsIn(fed.ask(gets(1)))).toBe(200);
    await round();
    for (let write = 1; write <= 32; write++) expect(requestsIn(fed.ask(gets(1)))).toBe(201 + write);
    expect(requestsIn(fed.ask(gets(1)))).toBe(233);
  });

  test('more than a few leave at once, unless twice as many are on the wire', async () => {
    const fed = new FedConnection('meta');
    fed.ask(gets(17));
    expect(requestsIn(fed.ask(gets(9)))).toBe(26);
    expect(requestsIn(fed.ask(gets(13)))).toBe(26);
    await round();
    expect(requestsIn(fed.ask([]))).toBe(39);
  });

  test('much to write leaves at once', () => {
    const fed = new FedConnection('meta');
    fed.ask(gets(10));
    const body = 'x'.repeat(20_000);
    expect(fed.ask([[Verb.set, 'large', { body, bytes: body.length }]])).toContain(body);
  });

  test('of very many the first leave while the rest is still asked', async () => {
    const fed = new FedConnection('meta');
    expect(requestsIn(fed.dispatch(gets(127)))).toBe(0);
    expect(requestsIn(fed.dispatch(gets(1)))).toBe(128);
    expect(requestsIn(fed.dispatch(gets(150)))).toBe(256);
    fed.ask([]);
    await round();
    expect(requestsIn(fed.ask([]))).toBe(278);
  });

  test('many leave before their text is longer than what Node writes without a copy in memory of its own', async () => {
    const fed = new FedConnection('meta');
    const first = fed.dispatch(sets(127, 100));
    expect(first.length).toBeGreaterThan(14_336);
    expect(first.length).toBeLessThanOrEqual(16_384);
    fed.ask([]);
    await round();
    expect(requestsIn(fed.ask([]))).toBe(2 * 127);
  });

  test('long ones leave together: a part of them would fill the socket and lead the rest to another', () => {
    const fed = new FedConnection('meta');
    expect(fed.dispatch(sets(100, 1_000))).toBe('');
    expect(requestsIn(fed.ask([]))).toBe(200);
  });

  test('of very many those that had left may have been applied when the connection is lost', () => {
    const fed = new FedConnection('meta');
    fed.dispatch(gets(130));
    fed.end();
    expect(fed.unsent).toBe(2);
  });

  test('a turn whose requests have all left waits for nothing', () => {
    const fed = new FedConnection('meta');
    const wait = jest.spyOn(fed.clock, 'setImmediate');
    fed.ask(gets(128));
    expect(wait).not.toHaveBeenCalled();
    fed.ask(gets(1));
    expect(wait).toHaveBeenCalledTimes(1);
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
