/**
 * Starts the machine's own memcached for a test and stops it again. A started server is ready: it has
 * answered, and the answer came from the process started here, not from a stranger on the same port.
 * Whether a test is skipped without the binary is decided by the test, with {@link hasMemcached}.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

/** Is there a `memcached` on this machine? Tests that need it use `describeReal`, which says when it is not. */
export const hasMemcached = spawnSync('memcached', ['-V'], { stdio: 'ignore' }).status === 0;

/** `'1.6.18'`; empty without a `memcached`. */
export const memcachedVersion = hasMemcached
  ? spawnSync('memcached', ['-V'], { encoding: 'latin1' })
      .stdout.replace(/^memcached\s+/, '')
      .trim()
  : '';

/**
 * `describe` with memcached; without it the block shows up in the report as skipped, never as passed. There is none
 * outside jest, where servers are started too.
 */
export const describeReal: typeof describe.skip = hasMemcached
  ? globalThis.describe
  : globalThis.describe?.skip;

export interface RealMemcachedOptions {
  /**
   * More arguments: `['-I', '16m', '-m', '256']`, `['-Y', file]`, `['-Z', '-o', 'ssl_chain_cert=...']`.
   * As root the server runs as the user `memcache`, which must be able to read the files named here.
   */
  args?: string[];
  /** Listen on this unix socket instead of TCP; `true` makes a path in a directory of its own. */
  unixPath?: string | true;
  /** @defaultValue a free one */
  port?: number;
}

/** Longest time a healthy machine needs to start memcached; only a guard against a hang. */
const START_WITHIN = 10_000;

export class RealMemcached {
  /** 0 on a unix socket. Stays the same over {@link restart}. */
  port = 0;
  #path: string | undefined;
  /** The directory made for `unixPath: true`, removed by {@link stop}. */
  #ownDirectory: string | undefined;
  #child: ChildProcess | undefined;
  readonly #options: RealMemcachedOptions;

  private constructor(options: RealMemcachedOptions) {
    this.#options = options;
  }

  /** Resolves when the server answers; rejects with what it wrote to stderr when it does not start. */
  static async start(options: RealMemcachedOptions = {}): Promise<RealMemcached> {
    const server = new RealMemcached(options);
    if (options.unixPath !== undefined) {
      await server.#launch();
      return server;
    }
    // Between finding a free port and taking it somebody else may have it: then another one is found.
    for (let attempt = 1; ; attempt++) {
      server.port = options.port ?? (await freePort());
      try {
        await server.#launch();
        return server;
      } catch (error) {
        const taken = error instanceof PortTaken && options.port === undefined;
        if (!taken || attempt === 5) throw error;
      }
    }
  }

  /** As it stands in the options of a pool: `127.0.0.1:port` or `unix:/path`. */
  get address(): string {
    return this.#path === undefined ? `127.0.0.1:${this.port}` : `unix:${this.#path}`;
  }

  /** The unix socket; `undefined` on TCP. */
  get path(): string | undefined {
    return this.#path;
  }

  /** Changes with every {@link restart}. */
  get pid(): number {
    const pid = this.#child?.pid;
    if (pid === undefined) throw new Error('This memcached is stopped; it has no pid.');
    return pid;
  }

  /** `SIGSTOP` freezes it, `SIGCONT` wakes it, `SIGKILL` ends it (then call {@link restart} or {@link stop}). */
  signal(name: NodeJS.Signals): void {
    process.kill(this.pid, name);
  }

  /** Ends the process at once, frozen or not. May be called twice. */
  async stop(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child !== undefined) await kill(child);
    if (this.#ownDirectory !== undefined) await rm(this.#ownDirectory, { recursive: true, force: true });
  }

  /** Starts it again, empty, at the same address; stops it first if it still runs. */
  async restart(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child !== undefined) await kill(child);
    await this.#launch();
  }

  /** Opens a socket to it, connected. The caller closes it. */
  connect(): Promise<Socket> {
    return open(this.#path === undefined ? { host: '127.0.0.1', port: this.port } : { path: this.#path });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #launch(): Promise<void> {
    const asRoot = process.getuid?.() === 0;
    const args = asRoot ? ['-u', 'memcache'] : [];
    if (this.#options.unixPath === undefined) {
      args.push('-l', '127.0.0.1', '-p', String(this.port), '-U', '0');
    } else {
      this.#path = await this.#socketPath(asRoot);
      args.push('-s', this.#path, '-a', '0777');
    }
    const child = spawn('memcached', [...args, ...(this.#options.args ?? [])], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const ended = { stderr: '', reason: undefined as string | undefined };
    child.stderr?.on('data', (chunk) => {
      if (ended.stderr.length < 4_096) ended.stderr += chunk;
    });
    child.once('error', (error) => {
      ended.reason = error.message;
    });
    child.once('exit', (code, signal) => {
      ended.reason = `exit ${code ?? signal}`;
    });
    endWithTests(child);
    try {
      await this.#answers(child, ended);
    } catch (error) {
      await kill(child);
      throw error;
    }
    this.#child = child;
  }

  async #socketPath(asRoot: boolean): Promise<string> {
    let path = this.#options.unixPath;
    if (path === true) {
      this.#ownDirectory = await mkdtemp(join(tmpdir(), 'memcached-'));
      path = this.#path = join(this.#ownDirectory, 'mc.sock');
    }
    if (path === undefined) throw new Error('No unix path was asked for.');
    // The server has given up root when it binds, so that a private directory would refuse it.
    const directory = dirname(path);
    if (asRoot && directory !== tmpdir()) await chmod(directory, 0o777);
    return path;
  }

  async #answers(child: ChildProcess, ended: { stderr: string; reason: string | undefined }): Promise<void> {
    const deadline = performance.now() + START_WITHIN;
    while (performance.now() < deadline) {
      // The exit may be known before its stderr has been read.
      if (ended.reason !== undefined) await wait(20);
      if (ended.reason !== undefined) {
        if (/address already in use/i.test(ended.stderr)) throw new PortTaken(ended.stderr);
        throw new Error(`memcached did not start (${ended.reason}): ${ended.stderr.trim()}`);
      }
      const answer = await this.#ask();
      if (answer === undefined) {
        await wait(10);
        continue;
      }
      const answeredBy = /^STAT pid (\d+)/m.exec(answer)?.[1];
      if (answeredBy === String(child.pid)) return;
      if (answeredBy !== undefined) throw new PortTaken(`process ${answeredBy} answers`);
      // TLS or authentication keep the pid to themselves: it is ours when it is still there a moment later.
      await wait(50);
      if (ended.reason === undefined) return;
    }
    throw new Error(`memcached did not answer within ${START_WITHIN} ms: ${ended.stderr.trim()}`);
  }

  /** What `stats` is answered with; empty when only the connect worked, `undefined` when not even that. */
  async #ask(): Promise<string | undefined> {
    let socket: Socket;
    try {
      socket = await this.connect();
    } catch {
      return undefined;
    }
    return new Promise((resolve) => {
      let answer = '';
      const finish = () => {
        clearTimeout(timer);
        socket.destroy();
        resolve(answer);
      };
      const timer = setTimeout(finish, 300);
      socket.on('data', (chunk) => {
        answer += chunk.toString('latin1');
        if (/^(STAT pid \d+|CLIENT_ERROR.*|ERROR.*)\r$/m.test(answer)) finish();
      });
      socket.on('error', finish);
      socket.on('close', finish);
      socket.write('stats\r\n');
    });
  }
}

class PortTaken extends Error {}

function open(target: { host: string; port: number } | { path: string }): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(target);
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      socket.setNoDelay(true);
      resolve(socket);
    });
  });
}

/** A TCP port on loopback that nobody listened on a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}

function kill(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null)
    return Promise.resolve();
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    // SIGKILL also ends a process that SIGSTOP froze.
    child.kill('SIGKILL');
  });
}

/** A test that died before its `stop()` must not leave a server behind. */
function endWithTests(child: ChildProcess): void {
  const end = () => {
    child.kill('SIGKILL');
  };
  process.once('exit', end);
  child.once('exit', () => process.off('exit', end));
}
