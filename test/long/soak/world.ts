/**
 * The soak's world: real servers, a fault proxy before each for every pool, and a hand that breaks and heals
 * them by chance. What may be broken how depends on what the pool's protocol can notice.
 */
import { MemcachedPool } from '../../../lib/core/pool/pool.js';
import { FaultProxy } from '../../faults/proxy/proxy.js';
import { RealMemcached } from '../../support/real-memcached.js';
import type { Generation } from './oracle.js';

export const COMMAND_TIMEOUT = 300;

export interface Server {
  memcached: RealMemcached;
  generation: Generation;
}

export interface Client {
  pool: MemcachedPool;
  protocol: 'meta' | 'classic';
  proxies: FaultProxy[];
  /** The server behind each of the pool's nodes. */
  serverOf: Map<string, Server>;
}

export interface World {
  servers: Server[];
  clients: Client[];
}

export async function createWorld(serverCount: number): Promise<World> {
  const servers: Server[] = [];
  for (let i = 0; i < serverCount; i++) {
    servers.push({
      memcached: await RealMemcached.start({ args: ['-m', '256'] }),
      generation: 0,
    });
  }
  const clients: Client[] = [];
  for (const protocol of ['meta', 'classic'] as const) {
    const proxies = await Promise.all(servers.map(({ memcached }) => FaultProxy.before(memcached)));
    const pool = new MemcachedPool({
      name: protocol,
      nodes: proxies.map(({ address }) => address),
      protocol,
      commandTimeout: COMMAND_TIMEOUT,
      connectTimeout: COMMAND_TIMEOUT,
      blacklistTime: 400,
      closeTimeout: 1_000,
      maxPending: 2_000,
    });
    const serverOf = new Map(proxies.map(({ address }, i) => [address, servers[i]!]));
    clients.push({ pool, protocol, proxies, serverOf });
  }
  return { servers, clients };
}

/** Breaks and heals until told to stop. Counts what it did. */
export class Chaos {
  readonly done = new Map<string, number>();
  readonly #world: World;
  readonly #random: () => number;
  #stopped = false;
  #running: Promise<void> | undefined;

  constructor(world: World, random: () => number) {
    this.#world = world;
    this.#random = random;
  }

  /** How often something was broken. */
  get faults(): number {
    return [...this.done].reduce((sum, [name, count]) => sum + (name === 'heal' ? 0 : count), 0);
  }

  start(): void {
    this.#running = this.#run();
  }

  /** Everything is well again when this resolves. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
    for (const { proxies } of this.#world.clients) for (const proxy of proxies) await proxy.heal();
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      await this.#once();
      await pause(20 + this.#random() * 500);
    }
  }

  async #once(): Promise<void> {
    if (this.#random() < 0.08) return this.#breakServer(this.#pick(this.#world.servers));
    const { proxies, protocol } = this.#pick(this.#world.clients);
    const proxy = this.#pick(proxies);
    if (this.#random() < 0.6) {
      this.#count('heal');
      return proxy.heal();
    }
    const faults = protocol === 'meta' ? [...NETWORK_FAULTS, ...ANSWER_FAULTS] : NETWORK_FAULTS;
    const [name, fault] = this.#pick(faults);
    this.#count(name);
    fault(proxy, this.#random);
  }

  async #breakServer(server: Server): Promise<void> {
    const forHowLong = this.#random() * 1_500;
    if (this.#random() < 0.5) {
      this.#count('SIGSTOP');
      server.memcached.signal('SIGSTOP');
      await pause(forHowLong);
      server.memcached.signal('SIGCONT');
    } else {
      this.#count('SIGKILL');
      server.generation++;
      server.memcached.signal('SIGKILL');
      await pause(forHowLong);
      await server.memcached.restart();
    }
  }

  #count(name: string): void {
    this.done.set(name, (this.done.get(name) ?? 0) + 1);
  }

  #pick<T>(list: readonly T[]): T {
    return list[Math.floor(this.#random() * list.length)]!;
  }
}

type Fault = [name: string, cause: (proxy: FaultProxy, random: () => number) => void];

const NETWORK_FAULTS: Fault[] = [
  ['latency', (proxy, random) => proxy.latency(random() * 2 * COMMAND_TIMEOUT)],
  ['black hole', (proxy) => proxy.blackHole()],
  ['stall', (proxy) => proxy.stall()],
  ['not reading', (proxy) => proxy.stopReading()],
  ['dribble', (proxy, random) => proxy.dribble(1 + Math.floor(random() * 400))],
  ['refuse', (proxy) => proxy.refuse()],
  ['die', (proxy) => proxy.die()],
  ['close on accept', (proxy, random) => proxy.closeOnAccept(random() < 0.5 ? 'fin' : 'reset')],
  ['accept slowly', (proxy, random) => proxy.acceptSlowly(random() * 2 * COMMAND_TIMEOUT)],
  ['fin', (proxy) => proxy.endAll('fin')],
  ['reset', (proxy) => proxy.endAll('reset')],
  ['half-close', (proxy) => proxy.endAll('half-close')],
  ['cut', (proxy, random) => proxy.cutAfter(Math.floor(random() * 40), random() < 0.5 ? 'fin' : 'reset')],
  ['garbage', (proxy, random) => proxy.reply(1 + Math.floor(random() * 50)).before(garbage(random))],
  ['unasked', (proxy, random) => proxy.say(garbage(random))],
];

/** What only answers that name their request are proof against. */
const ANSWER_FAULTS: Fault[] = [
  ['lost', (proxy, random) => proxy.someReplies(0.02, random).dropped()],
  ['doubled', (proxy, random) => proxy.someReplies(0.02, random).doubled()],
  ['swapped', (proxy, random) => proxy.someReplies(0.02, random).swapped()],
  ['misnamed', (proxy, random) => proxy.someReplies(0.02, random).misnamed()],
  [
    'mismeasured',
    (proxy, random) => proxy.someReplies(0.02, random).mismeasured(Math.floor(random() * 9) - 4),
  ],
  ['bit flipped', (proxy, random) => proxy.someReplies(0.05, random).flipped(random)],
  ['ended twice', (proxy, random) => proxy.someReplies(0.02, random).endedTwice()],
];

/** Never an answer to anything. */
function garbage(random: () => number): Buffer {
  return Buffer.from(
    Array.from({ length: 1 + Math.floor(random() * 30) }, () => 128 + Math.floor(random() * 128)),
  );
}

export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
