/** An hour of faults with no listener (K18): what nobody hears of hurts nobody and leaves nothing behind. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import type { Report } from './support/unheard-hour.js';

/** Only a guard against a hang: the hour is the injected clock's. */
const PATIENCE = 600_000;
jest.setTimeout(PATIENCE);

describe('an hour of faults that nobody listens to', () => {
  let report: Report;
  beforeAll(async () => {
    const loader = pathToFileURL(join(__dirname, '../nest/support/typescript-loader.mjs')).href;
    const file = join(__dirname, 'support/unheard-hour.ts');
    const args = ['--expose-gc', '--unhandled-rejections=strict', '--import', loader, file];
    // It ends by itself, and with 0: an unhandled rejection or an error event would have ended it otherwise.
    const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: PATIENCE - 10_000 });
    report = JSON.parse(stdout) as Report;
  });

  it('ends no process, warns of nothing, and settles every call', () => {
    expect(report.minutes).toBe(60);
    expect(report.faults).toBeGreaterThan(200);
    expect(report.warnings).toEqual([]);
    expect(report.unsettled).toBe(0);
  });

  it('ends calls with their answer or with an error that has a name, and pages with the page', () => {
    expect(report.wrongPages).toBe(0);
    const { ok, ...errors } = report.ends;
    expect(ok).toBeGreaterThan(1_000);
    expect(Object.keys(errors).length).toBeGreaterThan(3);
    for (const code of Object.keys(errors)) expect(code).toMatch(/^MEMCACHED_[A-Z_]+$/);
  });

  it('leaves as many sockets, timers and bytes after an hour as after ten minutes, and none after close()', () => {
    const [early, late] = report.after;
    expect(late).toMatchObject({ pending: 0, sockets: early!.sockets, timers: early!.timers });
    expect(early!.pending).toBe(0);
    expect(late!.bytes - early!.bytes).toBeLessThan(4 << 20);
    expect(report.left).toEqual({ timers: 0, connections: 0 });
  });
});
