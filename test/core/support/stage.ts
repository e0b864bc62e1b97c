/**
 * A stage for one test: in-process servers and pools that share a clock which only the test moves. What a
 * test opened, {@link Stage.clear} closes, whatever state it was left in.
 */
import type { MemcachedPoolOptions } from '../../../lib/core/pool/options.js';
import { MemcachedPool } from '../../../lib/core/pool/pool.js';
import { ManualClock, TestMemcached, type TestMemcachedOptions } from '../../../lib/testing/index.js';

/** Only a guard against a hang: nothing that is waited for here needs more than some turns of the loop. */
const GUARD_MILLISECONDS = 10_000;

export class Stage {
  clock = new ManualClock({ now: 1_000 });
  #servers: TestMemcached[] = [];
  #pools: MemcachedPool[] = [];

  async server(options: TestMemcachedOptions = {}): Promise<TestMemcached> {
    const server = await TestMemcached.start({ clock: this.clock, ...options });
    this.#servers.push(server);
    return server;
  }

  servers(count: number): Promise<TestMemcached[]> {
    return Promise.all(Array.from({ length: count }, () => this.server()));
  }

  /** A pool whose probes come exactly at the end of `blacklistTime`. */
  pool(
    nodes: MemcachedPoolOptions['nodes'] | TestMemcached,
    options: MemcachedPoolOptions = {},
  ): MemcachedPool {
    const given = nodes instanceof TestMemcached ? nodes.address : nodes;
    const pool = new MemcachedPool({ nodes: given, clock: this.clock, random: () => 0.5, ...options });
    this.#pools.push(pool);
    return pool;
  }

  /** One server and a pool with its first socket open. */
  async pair(options: MemcachedPoolOptions = {}): Promise<{ server: TestMemcached; pool: MemcachedPool }> {
    const server = await this.server();
    const pool = this.pool(server, options);
    await pool.connect();
    return { server, pool };
  }

  /** Moves the clock and lets what became due take effect, deadlines that wait for reads included. */
  async pass(milliseconds: number): Promise<void> {
    this.clock.advance(milliseconds);
    await this.clock.settle(6);
  }

  async clear(): Promise<void> {
    const closing = this.#pools.splice(0).map((pool) => pool.close());
    this.clock.advance(60_000);
    await Promise.all(closing);
    await Promise.all(this.#servers.splice(0).map((server) => server.close()));
    this.clock = new ManualClock({ now: 1_000 });
  }
}

/** Turns of the event loop until it holds. */
export async function until(holds: () => boolean, what = String(holds)): Promise<void> {
  const guard = performance.now() + GUARD_MILLISECONDS;
  while (!holds()) {
    if (performance.now() > guard) throw new Error(`it did not come about: ${what}`);
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}

/** Enough turns of the event loop for a round trip on loopback, where nothing is to be waited for. */
export async function quiet(milliseconds = 30): Promise<void> {
  const end = performance.now() + milliseconds;
  while (performance.now() < end) await new Promise<void>((resolve) => setImmediate(resolve));
}

/** How a call ended, or that it did not. */
export interface Watched {
  state: 'pending' | 'resolved' | 'rejected';
  value?: unknown;
  error?: unknown;
}

/** Notes the end of a call without waiting for it. */
export function watch(call: Promise<unknown>): Watched {
  const watched: Watched = { state: 'pending' };
  call.then(
    (value) => Object.assign(watched, { state: 'resolved', value }),
    (error: unknown) => Object.assign(watched, { state: 'rejected', error }),
  );
  return watched;
}

/** The commands a server was asked, without the questions of handshakes. */
export function asked(server: TestMemcached): string[] {
  return server.commands.filter((line) => !line.startsWith('mg probe:'));
}

/** How many handshakes a server has seen. */
export function handshakes(server: TestMemcached): number {
  return server.commands.filter((line) => line.startsWith('mg probe:')).length;
}

/**
 * Makes a socket of the pool busy with something long: a large answer comes byte by byte, for longer than
 * any test lasts. `ended` notes how the call for it ends.
 */
export async function makeBusy(server: TestMemcached, pool: MemcachedPool): Promise<{ ended: Watched }> {
  await pool.set('large', Buffer.alloc(1_000_000, 1));
  const slow = server.misbehave.dribble(1).forCommand('mg').once();
  const before = server.stats.bytes_written as number;
  const ended = watch(pool.get('large'));
  // More than the line before the value: the client knows now that it is large.
  await until(() => (server.stats.bytes_written as number) > before + 64);
  await quiet(5);
  await slow.stop();
  return { ended };
}

/** Has a second socket opened, because the first was busy with something long for a while. */
export async function openSecond(server: TestMemcached, pool: MemcachedPool): Promise<void> {
  await pool.set('large', Buffer.alloc(300_000, 1));
  const slow = server.misbehave.dribble(1_000).once();
  const large = pool.get('large');
  const small: Promise<unknown>[] = [];
  await until(() => {
    small.push(pool.get('small'));
    return pool.nodes()[0]!.sockets === 2;
  }, 'a second socket');
  await Promise.all(small);
  await large;
  await slow.stop();
}
