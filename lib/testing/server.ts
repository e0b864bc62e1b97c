/**
 * A memcached inside the process, for tests and sample applications: listens, counts, stops, comes back.
 *
 * Invariant: it knows nothing of the client it tests. Its reading of the protocol is its own, held byte for byte
 * against a real memcached by its tests, so that a mistake in the client cannot hide behind the same mistake here.
 * Commands, misbehaviour and time each have their own file.
 */
import { lstat, unlink } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { formatAddress } from '../core/base/address.js';
import { MemcachedOptionError } from '../core/base/errors.js';
import { checkOptions } from '../core/base/options.js';
import { Connection, type ConnectionSetting } from './connection.js';
import { Counters } from './counters.js';
import { Misbehaviour } from './misbehave.js';
import { type CheckedOptions, optionRules, type TestMemcachedOptions } from './options.js';
import { describeStats, type StatsSource } from './stats.js';
import { Store } from './store.js';
import type { House } from './turn.js';

/** The newest this many command lines are kept. */
const COMMANDS_KEPT = 10_000;
const LINE_KEPT = 4_096;

export class TestMemcached {
  readonly #options: CheckedOptions;
  readonly #counters = new Counters();
  readonly #store: Store;
  readonly #setting: ConnectionSetting;
  readonly #connections = new Set<Connection>();
  readonly #startedAt: number;
  #commands: string[] = [];
  #listener: Server | undefined;
  #port: number;
  /** Should it listen? Not while stopped, nor while told to refuse. */
  #running = false;
  /** Openings and closings of the listener, one after the other. */
  #order: Promise<void> = Promise.resolve();

  /** Ways to make it misbehave: `server.misbehave.cutAfter(12).once()`. */
  readonly misbehave: Misbehaviour;

  private constructor(options: CheckedOptions) {
    this.#options = options;
    this.#port = options.port;
    this.#startedAt = options.clock.wallNow();
    this.#store = new Store(options.clock, options.memory, options.maxItemSize);
    this.misbehave = new Misbehaviour({
      listen: () => this.#listenAsTold(),
      refreeze: () => {
        for (const connection of this.#connections) connection.refreeze();
      },
    });
    const house: House = {
      store: this.#store,
      counters: this.#counters,
      version: options.serverVersion,
      modern: options.serverVersion !== '1.6.18',
      meta: options.protocol === 'all',
      auth: options.auth,
      stats: (topic) => describeStats(this.#statsSource(), topic),
    };
    this.#setting = {
      house,
      clock: options.clock,
      misbehave: this.misbehave,
      idleTimeout: options.idleTimeout,
      command: (line) => this.#log(line),
      closed: (connection) => this.#connections.delete(connection),
    };
  }

  /**
   * Resolves when it listens.
   * @throws MemcachedOptionError when an option is unknown or wrong; whatever `listen` fails with otherwise.
   */
  static async start(options: TestMemcachedOptions = {}): Promise<TestMemcached> {
    const checked = checkOptions<CheckedOptions>('TestMemcached.start()', options, optionRules);
    if (checked.path !== undefined && (options.port !== undefined || options.host !== undefined)) {
      throw new MemcachedOptionError(
        'TestMemcached.start(): "path" is a unix socket; leave out "host" and "port".',
      );
    }
    const server = new TestMemcached(checked);
    server.#running = true;
    await server.#listenAsTold();
    return server;
  }

  /** 0 on a unix socket. */
  get port(): number {
    return this.#port;
  }

  /** As a pool's `nodes` take it: `127.0.0.1:port` or `unix:/path`. */
  get address(): string {
    const { host, path } = this.#options;
    return formatAddress(path === undefined ? { host, port: this.#port } : { path });
  }

  /** Connections that are open now. */
  get connections(): number {
    return this.#connections.size;
  }

  /** The newest 10 000 command lines of all connections, oldest first, cut to 4 096 characters; never a value. */
  get commands(): readonly string[] {
    return [...this.#commands];
  }

  /** Forgets {@link commands}. */
  clearCommands(): void {
    this.#commands = [];
  }

  /** What the command `stats` would answer, numbers as numbers. */
  get stats(): Readonly<Record<string, number | string>> {
    const lines = describeStats(this.#statsSource(), undefined) ?? [];
    return Object.fromEntries(
      lines.map((line) => {
        const [name, value] = [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1)];
        return [name, /^\d+$/.test(value) ? Number(value) : value];
      }),
    );
  }

  /** From now on refuses; open connections are destroyed. The items stay. */
  async stop(): Promise<void> {
    this.#running = false;
    const closed = this.#listenAsTold();
    for (const connection of [...this.#connections]) connection.destroy();
    await closed;
  }

  /** Stops it and starts it again at the same address, with its items unless told to be empty. */
  async restart(options: { empty?: boolean } = {}): Promise<void> {
    await this.stop();
    if (options.empty === true) this.#store.clear();
    this.#running = true;
    await this.#listenAsTold();
  }

  /** Stops it for good and forgets its items and rules. May be called twice. */
  async close(): Promise<void> {
    this.#running = false;
    await this.misbehave.nothing();
    await this.stop();
    this.#store.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Opens or closes the listener, whichever is due. Closing takes effect before this returns. */
  #listenAsTold(): Promise<void> {
    if (!this.#shouldListen()) this.#unlisten();
    this.#order = this.#order
      .catch(() => {})
      .then(async () => {
        if (this.#shouldListen() && this.#listener === undefined) await this.#listen();
        if (!this.#shouldListen()) this.#unlisten();
      });
    return this.#order;
  }

  #shouldListen(): boolean {
    return this.#running && !this.misbehave.refuses;
  }

  async #listen(): Promise<void> {
    const { host, path, tls } = this.#options;
    const accept = (socket: Socket) => this.#accept(socket);
    const listener = tls === undefined ? createServer(accept) : createTlsServer(tls, accept);
    // A handshake that fails concerns its client only.
    listener.on('tlsClientError', () => {});
    if (path !== undefined) await removeStaleSocket(path);
    await new Promise<void>((resolve, reject) => {
      listener.once('error', reject);
      listener.listen(path === undefined ? { host, port: this.#port } : { path }, () => {
        listener.off('error', reject);
        listener.on('error', () => {});
        resolve();
      });
    });
    const address = listener.address();
    if (typeof address === 'object' && address !== null) this.#port = address.port;
    this.#listener = listener;
  }

  #unlisten(): void {
    this.#listener?.close();
    this.#listener = undefined;
  }

  #accept(socket: Socket): void {
    this.#counters.total_connections++;
    if (this.#connections.size >= this.#options.maxConnections) {
      this.#counters.rejected_connections++;
      socket.on('error', () => {});
      socket.end('ERROR Too many open connections\r\n');
      socket.resume();
      return;
    }
    this.#connections.add(new Connection(socket, this.#setting));
  }

  #log(line: string): void {
    this.#commands.push(line.length > LINE_KEPT ? line.slice(0, LINE_KEPT) : line);
    if (this.#commands.length >= 2 * COMMANDS_KEPT) this.#commands = this.#commands.slice(-COMMANDS_KEPT);
  }

  #statsSource(): StatsSource {
    const { clock, memory, maxItemSize, maxConnections, serverVersion } = this.#options;
    return {
      counters: this.#counters,
      store: this.#store,
      version: serverVersion,
      wallSeconds: Math.floor(clock.wallNow() / 1000),
      uptimeSeconds: Math.floor((clock.wallNow() - this.#startedAt) / 1000),
      connections: this.#connections.size,
      memory,
      maxItemSize,
      maxConnections,
      port: this.#port,
    };
  }
}

/** A socket file outlives a process that died; memcached removes it before it binds, and so does this. */
async function removeStaleSocket(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found?.isSocket()) await unlink(path);
}
