/**
 * What other programs, other versions and accidents may leave under the very keys that a page is kept under. Every
 * key of the page is found at the server and overwritten, its value's and its generation's alike.
 */
import { CapturedLog } from '../../nest/support/log.js';
import { RawSocket } from '../../support/raw-socket.js';
import { describeReal, RealMemcached } from '../../support/real-memcached.js';
import { freeze } from './support/freeze.js';
import { PLATFORMS, textOf, Website } from './support/website.js';

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
const NO_FLAGS = 0;
const ALL_FLAGS = 0xffff_ffff;

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
  });
  afterEach(async () => {
    await site.close();
    log.restore();
  });

  describe.each(['/product/1', '/page/1'])('of %s', (path) => {
    it.each(BYTES)('%s: costs a run at most, and is a cached page again', async (_, bytes) => {
      const own = await pageAndItsKeys(path);
      for (const key of own.keys()) {
        for (const flags of [NO_FLAGS, own.get(key)!, ...SOME_FLAGS, ALL_FLAGS]) {
          await put(key, flags, bytes);
          const runs = site.press.runs(path);
          await expectPage(path, [runs, runs + 1]);
          await untilCached(path);
        }
      }
    });
  });
});
