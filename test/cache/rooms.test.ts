import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Rooms } from '../../lib/cache/rooms.js';
import { ManualClock } from '../../lib/testing/manual-clock.js';
import { FakePool } from '../support/fake-pool.js';
import { until } from './support/setup.js';

const make = (): Rooms => new Rooms(new FakePool(), new ManualClock(), () => 0, undefined);

describe('rooms', () => {
  it('are one per namespace as long as somebody holds them', () => {
    const rooms = make();
    expect(rooms.of('a')).toBe(rooms.of('a'));
    expect(rooms.of('a')).not.toBe(rooms.of('b'));
  });

  it('are forgotten when nobody does, so that namespaces may be made by the thousand', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const rooms = make();
    const held = rooms.of('held');
    for (let i = 0; i < 1_000; i++) rooms.of(`tenant-${i}`);
    await until(() => {
      collect();
      return rooms.size === 1;
    });
    expect(rooms.of('held')).toBe(held);
  });
});
