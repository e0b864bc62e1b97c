/**
 * What other programs, other versions and accidents may leave under the very keys that a page is kept under. Every
 * key of the page is found at the server and overwritten, its value's and its generation's alike.
 */
import { CapturedLog } from '../../nest/support/log.js';
import { RawSocket } from '../../support/raw-socket.js';
import { describeReal, RealMemcached } from '../../support/real-memcached.js';
import { until } from '../support/stage.js';
import { noiseIn } from './support/news.js';
import { type Page, PLATFORMS, textOf, Website } from './support/website.js';

jest.setTimeout(60_000);

/** A slow machine must not make a miss of a hit. */
const PATIENT = { connectTimeout: '20s', commandTimeout: '20s' };

const BYTES: [string, string][] = [
  ['nothing', ''],
  ['a number', '18446744073709551615'],
  ['JSON cut short', '{"value":{"path":'],
  ['JSON of another shape', '{"value":{"path":"/evil","run":0},"expires":null}'],
  ['an array of another length', '["x"]'],
  ['what could be a page', '{"path":"/evil","run":0,"text":"evil"}'],
  ['bytes that are no text', '\xff\xfe\x00\x80\x1f\x8b\x08'],
  ['lines of the protocol', 'x\r\nEND\r\nHD\r\n'],
];

/** Text of others, types of our own, the three compressions, and what nobody here writes (`flags.ts`). */
const FLAGS = [0, 1, 3, 5, 7, 9, 11, 15, 16 + 10, 32 + 10, 48 + 10, 0xffff_ffff];

let log: CapturedLog;
let server: RealMemcached;
let admin: RawSocket;
let site: Website;

describeReal.each(PLATFORMS)('a poisoned entry, on %s,', (platform) => {
  beforeAll(async () => {
    server = await RealMemcached.start();
    admin = new RawSocket(await server.connect());
  });
  afterAll(async () => {
    admin.destroy();
    await server.stop();
  });
  beforeEach(async () => {
    log = new CapturedLog();
    site = await Website.open(platform, { ...PATIENT, nodes: server.address });
    log.lines.length = 0;
    await admin.line('flush_all');
  });
  afterEach(async () => {
    await site.close();
    log.restore();
  });

  describe.each(['/product/1', '/page/1'])('of %s', (path) => {
    it.each(BYTES)('%s: costs one run at most, and the page is cached again', async (_, bytes) => {
      await untilCached(path);
      const keys = await storedKeys();
      for (const key of keys) {
        for (const flags of FLAGS) {
          const runs = site.press.runs(path);
          await put(key, flags, bytes);
          expect(await runOf(path)).toBeLessThanOrEqual(runs + 1);
          await untilCached(path);
        }
      }
      expect(site.press.runs(path)).toBeGreaterThan(keys.length * FLAGS.length);
      expect(noiseIn(log.lines)).toEqual([]);
    });
  });
});

/** Which run of its handler the page comes from; what else it says must be right. */
async function runOf(path: string): Promise<number> {
  const { status, body } = await site.ask<Page>(path);
  expect([status, body.path, body.text]).toEqual([200, path, textOf(path)]);
  return body.run;
}

/** CacheInterceptor does not wait for what it writes, so the page may be made, and written, a few times. */
async function untilCached(path: string): Promise<void> {
  await until(async () => {
    const runs = site.press.runs(path);
    await runOf(path);
    return site.press.runs(path) === runs;
  });
}

/** A generation and an entry. The crawler passes over what memcached is moving between its lists just then. */
async function storedKeys(): Promise<string[]> {
  let keys: string[] = [];
  await until(async () => {
    const dump = await admin.ask('lru_crawler metadump all\r\n', (received) => received.endsWith('END\r\n'));
    keys = [...dump.matchAll(/^key=(\S+)/gm)].map(([, key]) => decodeURIComponent(key!));
    return keys.length === 2;
  });
  return keys;
}

async function put(key: string, flags: number, bytes: string): Promise<void> {
  const answer = await admin.line(`set ${key} ${flags} 0 ${bytes.length}\r\n${bytes}`);
  expect(answer).toBe('STORED\r\n');
}
