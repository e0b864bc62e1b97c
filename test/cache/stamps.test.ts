/** What an item must match, asked for beside it: stamps, the marks they are made of, and races for both. */
import { ALWAYS_FRESH, seal } from '../../lib/cache/envelope.js';
import { Mark, Marking, standing } from '../../lib/cache/marks.js';
import { Stamps } from '../../lib/cache/stamps.js';
import { Tags } from '../../lib/cache/tags.js';
import { MemcachedConnectionError } from '../../lib/core/base/errors.js';
import { ManualClock } from '../../lib/testing/manual-clock.js';
import { FakePool } from '../support/fake-pool.js';
import { Fleet } from './support/fleet.js';
import { TagRace } from './support/tag-race.js';

const failed: string[] = [];
let pool: FakePool;
let stamps: Stamps;

beforeEach(() => {
  failed.length = 0;
  pool = new FakePool({ nodes: ['a:1', 'b:1'] });
  const marking = new Marking(pool, new ManualClock(), (_, during) => void failed.push(during));
  const generation = new Mark(marking, 'ns~generation', 'clear');
  stamps = new Stamps(marking, generation, new Tags(marking, 'ns', generation));
});

const call = {};
const sealed = async (tags: string[]): Promise<unknown> => {
  const stamp = await stamps.ask('ns#k', tags, call).ensured(tags);
  return seal(stamp!, ALWAYS_FRESH, 'v');
};
const judged = async (stored: unknown, tags: string[] = []): Promise<string> =>
  (await stamps.ask('ns#k', tags, call).judge(stored)).kind;

describe('judge', () => {
  it('finds valid what carries the marks of now, however it was asked', async () => {
    for (const tags of [[], ['a'], ['a', 'b', 'c,d=e;f:']]) {
      const stored = await sealed(tags);
      expect(await judged(stored, tags)).toBe('valid');
      expect(await judged(stored)).toBe('valid');
      expect(await judged(stored, ['b', 'z'])).toBe('valid');
    }
  });

  it('gives back value, freshness and stamp', async () => {
    const stamp = (await stamps.ask('ns#k', [], call).ensured([]))!;
    const asked = stamps.ask('ns#k', [], call);
    const freshness = { staleSeconds: 3, freshUntil: 1_700_000_000_000, cost: 12 };
    const stored = seal(stamp, freshness, { a: 1 });
    expect(await asked.judge(stored)).toEqual({ kind: 'valid', value: { a: 1 }, freshness, stamp });
  });

  it('finds nothing in what is over, of another namespace, or none of the cache’s', async () => {
    const stored = await sealed(['a', 'b']);
    await stamps.tags.renew(['b'], call);
    expect(await judged(stored)).toBe('nothing');
    expect(await judged(stored, ['a', 'b'])).toBe('nothing');
    const later = await sealed(['a']);
    await stamps.generation.renew(call);
    expect(await judged(later)).toBe('nothing');
    for (const foreign of ['text', 5, null, undefined, [], ['1x', 1], Buffer.from('1x:b'), '1:v', '1,=:v']) {
      expect(await judged(foreign)).toBe('nothing');
    }
  });

  it('finds expired what a tag has expired, and nothing once another tag is over', async () => {
    const stored = await sealed(['a', 'b']);
    const node = pool.nodeOf!('ns#k')!;
    const before = await pool.get<string>('ns~tag:a', { node });
    await pool.set('ns~tag:a', `lx.newer123 ${before}`, { node });
    expect(await judged(stored)).toBe('expired');
    expect(await judged(stored, ['a'])).toBe('expired');
    await stamps.tags.renew(['b'], call);
    expect(await judged(stored)).toBe('nothing');
  });

  it.each(['~generation', '~tag:a'])(
    'is an error when %s cannot be read, never a hit or a miss',
    async (mark) => {
      const stored = await sealed(['a']);
      pool.fail = (_, key) => (key.endsWith(mark) ? new MemcachedConnectionError('gone') : undefined);
      expect(await judged(stored)).toBe('error');
      expect(await judged(stored, ['a'])).toBe('error');
      expect(failed).toContain('use');
    },
  );
});

describe('ensured', () => {
  it('gives no stamp for a tag that nobody asked for and that may have been ended', async () => {
    const asked = stamps.ask('ns#k', [], call);
    expect(await asked.prepared()).toBe(true);
    expect(await asked.ensured(['a'])).toBeUndefined();
  });

  it('gives one for a tag that is met for the first time, when tags were to come later', async () => {
    const asked = stamps.ask('ns#k', [], call, true);
    await asked.prepared();
    const stamp = await asked.ensured(['a']);
    expect(await judged(seal(stamp!, ALWAYS_FRESH, 'v'))).toBe('valid');
  });

  it('gives none when any tag was ended meanwhile, except for tags known before and unchanged', async () => {
    await sealed(['known', 'ended']);
    const asked = stamps.ask('ns#k', [], call, true);
    await asked.prepared();
    await stamps.tags.renew(['ended'], call);
    expect(await asked.ensured(['new'])).toBeUndefined();
    expect(await asked.ensured(['known', 'ended'])).toBeUndefined();
    expect(await asked.ensured(['known'])).toBeDefined();
  });

  it('stays with what was asked, whatever is renewed after it', async () => {
    const asked = stamps.ask('ns#k', ['a'], call);
    await asked.prepared();
    await stamps.generation.renew(call);
    const stamp = await asked.ensured(['a']);
    expect(await judged(seal(stamp!, ALWAYS_FRESH, 'v'))).toBe('nothing');
  });

  it('gives none when a mark cannot be made', async () => {
    pool.fail = ({ verb }) => (verb === 'add' ? new MemcachedConnectionError('gone') : undefined);
    const asked = stamps.ask('ns#k', ['a'], call);
    expect(await asked.prepared()).toBe(false);
    expect(await asked.ensured(['a'])).toBeUndefined();
  });
});

describe('asking', () => {
  it('reads in this turn, each mark once, whoever asks', async () => {
    await sealed(['a', 'b']);
    pool.forget();
    const asking = Array.from({ length: 10 }, () => stamps.ask('ns#k', ['a', 'b'], call).judge(undefined));
    await Promise.all(asking);
    expect(pool.requests.map(({ keys }) => keys[0])).toEqual(['ns~generation', 'ns~tag:a', 'ns~tag:b']);
    expect(pool.turns()).toBe(1);
  });

  it('is one question for all of a turn, unless something changes', async () => {
    const first = stamps.ask('ns#k', [], call);
    for (let i = 0; i < 20; i++) {
      const asked = stamps.ask(`ns#${i}`, [], call);
      expect(asked.node).toBe(pool.nodeOf!(`ns#${i}`));
      expect(asked === stamps.ask('ns#k', [], call)).toBe(asked.node === first.node);
    }
    const plain = stamps.ask('ns#k', [], call);
    expect(stamps.ask('ns#k', ['a'], call)).not.toBe(plain);
    expect(stamps.ask('ns#k', [], call, true)).not.toBe(plain);
    expect(stamps.ask('ns#k', [], call)).toBe(plain);
    expect(stamps.ask('ns#k', [], { timeout: 5 })).not.toBe(plain);
    const again = stamps.ask('ns#k', [], call);
    void stamps.generation.renew(call);
    const after = stamps.ask('ns#k', [], call);
    expect(again.renewal).toBe('begun');
    expect(after).not.toBe(again);
    expect(after.renewal).toBe('none');
    await after.judge(undefined);
    expect(stamps.ask('ns#k', [], call)).not.toBe(after);
  });

  it('for many keys asks each node once', async () => {
    const keys = Array.from({ length: 50 }, (_, i) => `ns#${i}`);
    const asking = stamps.askMany(keys, ['a'], call);
    await Promise.all([...asking.values()].map((asked) => asked.prepared()));
    expect(pool.requests.filter(({ verb }) => verb === 'get')).toHaveLength(4);
    expect(pool.requests.filter(({ verb }) => verb === 'add')).toHaveLength(4);
  });
});

describe('a tag that is forgotten', () => {
  it('leaves what it owes to the generation of that node', async () => {
    const stored = await sealed(['a']);
    pool.fail = ({ node }) =>
      node === pool.nodeOf!('ns#k') ? new MemcachedConnectionError('gone') : undefined;
    expect(await stamps.tags.renew(['a'], call)).toBe(false);
    pool.fail = () => undefined;
    for (let i = 0; i < 5_000; i++) stamps.tags.mark(`other ${i}`);
    expect(stamps.tags.size).toBe(5_000);
    expect(await judged(stored)).toBe('nothing');
  });
});

describe('standing', () => {
  it.each([
    ['b.22222222', 'current'],
    ['a.11111111', 'expired'],
    ['c.33333333', 'over'],
    ['b.2222222', 'over'],
    ['', 'over'],
  ])('of %p is %s', (version, expected) => {
    expect(standing(version, 'b.22222222 a.11111111')).toBe(expected);
    if (expected === 'current') expect(standing(version, version)).toBe('current');
  });
});

describe.each([
  { name: 'with leases', options: {} },
  { name: 'on classic servers', options: { protocol: 'classic' } as const },
])('a value ended by its tag $name', ({ options }) => {
  it('is never seen by a read that began after that was confirmed, in any of three processes', async () => {
    const fleet = await Fleet.start({ nodes: 2, ...options });
    const caches = [1, 2, 3].map(() => fleet.process({ losers: 'run' }).cache);
    const race = new TagRace(['a', 'b', 'c', 'd', 'e']);
    await Promise.all(caches.flatMap((cache) => [race.run(cache, 120), race.run(cache, 120)]));
    expect(race.wrong).toBe(0);
    expect(race.hits).toBeGreaterThan(50);
    await fleet.stop();
  });
});
