/** However the network cuts a stream of answers, a connection reads the same from it. */

import { RawSocket } from '../support/raw-socket.js';
import { memcachedVersion, RealMemcached } from '../support/real-memcached.js';
import { conversations } from './support/conversation.js';
import { FedConnection } from './support/fed-connection.js';
import { recordings } from './support/recordings.js';

jest.mock('../../lib/core/connection/open-socket.js', () => {
  let fake: typeof import('./support/fed-connection.js') | undefined;
  return {
    openSocket: (...args: Parameters<typeof import('./support/fed-connection.js').fakeSocket>) => {
      fake ??= jest.requireActual<NonNullable<typeof fake>>('./support/fed-connection.js');
      return fake.fakeSocket(...args);
    },
  };
});
jest.setTimeout(120_000);

describe.each(['meta', 'classic'] as const)('%s answers', (dialect) => {
  const stream = Buffer.from(recordings[dialect], 'latin1');

  /** What every request was told, and whether anything was left. */
  function heard(cuts: number[]): string {
    const fed = new FedConnection(dialect);
    fed.ask(conversations[dialect]);
    let from = 0;
    for (const cut of [...cuts, stream.length]) {
      fed.feed(stream.subarray(from, cut));
      from = cut;
    }
    return JSON.stringify([fed.told, fed.closed === undefined, fed.slots, fed.connection.outstanding]);
  }

  const whole = heard([]);

  it('are understood to the last', () => {
    expect(JSON.parse(whole).slice(1)).toEqual([true, 0, 0]);
  });

  (memcachedVersion === '1.6.18' ? it : it.skip)('are recorded as memcached gives them', async () => {
    const server = await RealMemcached.start();
    const raw = new RawSocket(await server.connect());
    const asked = new FedConnection(dialect).ask(conversations[dialect]);
    // Nothing in the conversation is answered like that.
    const end = 'EN O77\r\n';
    const answered = await raw.ask(`${asked}mg none O77\r\n`, (received) => received.endsWith(end));
    expect(answered).toBe(recordings[dialect] + end);
    raw.destroy();
    await server.stop();
  });

  it('are read alike when they are cut at any two places', () => {
    // As far as an answer reaches; `npm run check:long` takes all pairs there are.
    const reach = process.env.CHECK_LONG === undefined ? 32 : stream.length;
    const different: number[][] = [];
    for (let first = 1; first < stream.length; first++) {
      for (let second = first; second < Math.min(stream.length, first + reach); second++) {
        if (heard([first, second]) !== whole) different.push([first, second]);
      }
    }
    expect(different).toEqual([]);
  });

  it('are read alike when they come in pieces of any one size', () => {
    for (let size = 1; size <= stream.length; size++) {
      const cuts = Array.from({ length: Math.floor(stream.length / size) }, (_, i) => (i + 1) * size);
      expect(heard(cuts)).toBe(whole);
    }
  });

  it('are given to every request they reach and to none beyond, when they end at any place', () => {
    const [all] = JSON.parse(whole) as [string[][]];
    for (let end = 0; end < stream.length; end++) {
      const fed = new FedConnection(dialect);
      fed.ask(conversations[dialect]);
      fed.feed(stream.subarray(0, end));
      fed.end();
      const firstLost = fed.told.findIndex((told) => told.at(-1) === 'MEMCACHED_CONNECTION');
      expect(fed.told.slice(0, firstLost)).toEqual(all.slice(0, firstLost));
      for (const told of fed.told.slice(firstLost + 1)) expect(told).toEqual(['MEMCACHED_CONNECTION']);
      expect([fed.slots, fed.closed?.kind]).toEqual([0, 'lost']);
    }
  });
});
