/**
 * What a scenario plays on: a memcached, the fault proxy before it, a pool before that, and a clock that the
 * scenario moves. Every scenario ends with {@link Stage.close}, which holds the pool to leaving nothing behind.
 */
import type { MemcachedPoolOptions } from '../../../lib/core/pool/options.js';
import { MemcachedPool } from '../../../lib/core/pool/pool.js';
import { ManualClock, TestMemcached } from '../../../lib/testing/index.js';
import { hasMemcached, RealMemcached } from '../../support/real-memcached.js';
import { FaultProxy } from '../proxy/proxy.js';

export interface Server {
  readonly address: string;
  stop(): Promise<void>;
}

export interface Backend {
  name: string;
  available: boolean;
  protocol: 'meta' | 'classic';
  start(): Promise<Server>;
}

const startReal = () => RealMemcached.start();
const startInProcess = async () => {
  const server = await TestMemcached.start();
  return { address: server.address, stop: () => server.close() };
};

export const backends: Backend[] = [
  { name: 'memcached, meta', available: hasMemcached, protocol: 'meta', start: startReal },
  { name: 'memcached, classic', available: hasMemcached, protocol: 'classic', start: startReal },
  { name: 'in-process, meta', available: true, protocol: 'meta', start: startInProcess },
  { name: 'in-process, classic', available: true, protocol: 'classic', start: startInProcess },
];

/** The same scenarios against every kind of server and both protocols; without a memcached, visibly skipped. */
export function onEveryBackend(scenarios: (backend: Backend) => void): void {
  for (const backend of backends) {
    (backend.available ? describe : describe.skip)(`on ${backend.name}`, () => scenarios(backend));
  }
}

/** Only a guard against a hang: nothing healthy takes this long on the busiest machine. */
const GUARD = 20_000;

export class Stage {
  readonly server: Server;
  readonly proxy: FaultProxy;
  readonly pool: MemcachedPool;
  readonly clock: ManualClock;

  private constructor(server: Server, proxy: FaultProxy, pool: MemcachedPool, clock: ManualClock) {
    this.server = server;
    this.proxy = proxy;
    this.pool = pool;
    this.clock = clock;
  }

  static async open(backend: Backend, options: Partial<MemcachedPoolOptions> = {}): Promise<Stage> {
    const server = await backend.start();
    const proxy = await FaultProxy.before(server);
    const clock = new ManualClock();
    const { protocol } = backend;
    const pool = new MemcachedPool({ nodes: proxy.address, protocol, clock, random: () => 0.5, ...options });
    return new Stage(server, proxy, pool, clock);
  }

  /** Lets so much time pass for the pool, after everything that is under way has gone as far as it goes. */
  async pass(milliseconds: number): Promise<void> {
    await this.clock.settle(5);
    this.clock.advance(milliseconds);
    await this.clock.settle(5);
  }

  /** Lets time pass in small steps until something holds. */
  async passUntil(holds: () => boolean | Promise<boolean>, step = 50): Promise<void> {
    const end = performance.now() + GUARD;
    while (!(await holds())) {
      if (performance.now() > end) throw new Error('What was waited for did not come about.');
      // What is under way on sockets takes real time, more of it on a busy machine, however fast the clock is moved.
      await new Promise((resolve) => setTimeout(resolve, Math.max(10, step / 3)));
      if (await holds()) return;
      await this.pass(step);
    }
  }

  /** The pool closes, and nothing of it is left: no timer, no socket. */
  async close(): Promise<void> {
    const closed = this.pool.close();
    await this.proxy.heal();
    this.clock.advance(2_000);
    await closed;
    const timers = this.clock.pendingTimers;
    await until(() => this.proxy.connections === 0);
    this.proxy.close();
    await this.server.stop();
    if (timers > 0) throw new Error(`${timers} timers were left behind.`);
  }
}

/** Waits for the world outside the pool, which knows no manual clock. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + GUARD;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error('What was waited for did not come about.');
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** How a call ended: its value, or its error's code. */
export async function ending(call: Promise<unknown>): Promise<unknown> {
  try {
    return await call;
  } catch (error) {
    return (error as { code?: string }).code ?? error;
  }
}
