/**
 * The first lines on a new socket: credentials if there are any, then one question that tells meta from
 * classic and both from a proxy. Pure: lines in, what to do next out.
 *
 * Invariant: nothing with a data block is sent to a server that has not proven it knows the command; the
 * credentials are the exception, because `-Y` servers take nothing else first.
 */
import { randomBytes } from 'node:crypto';
import {
  MemcachedAuthError,
  MemcachedConnectionError,
  type MemcachedError,
  MemcachedProtocolError,
  MemcachedUnsupportedError,
} from '../base/errors.js';

/** Credentials of a server started with `-Y`. */
export interface Credentials {
  user: string;
  password: string;
}

/**
 * What a server turned out to speak. `proxy`: classic, and so narrow that anything unknown closes the
 * connection (twemproxy, mcrouter); only single-key gets are safe there.
 */
export type Dialect = 'meta' | 'classic' | 'proxy';

export interface HandshakeOptions {
  /** `auto` asks; `meta` insists; `classic` never asks. */
  protocol: 'auto' | 'meta' | 'classic';
  auth: Credentials | undefined;
  /** An earlier socket of this node was closed by the question: ask `version` instead. */
  knownProxy: boolean;
}

export type HandshakeStep =
  | { kind: 'write'; text: string }
  | { kind: 'ready'; dialect: Dialect }
  /** The question itself was the trouble: open a new socket and ask as a proxy understands it. */
  | { kind: 'ask-as-proxy' }
  | { kind: 'failed'; error: MemcachedError };

export class Handshake {
  readonly #options: HandshakeOptions;
  readonly #node: string;
  #stage: 'auth' | 'question' = 'question';
  readonly #probeKey = `probe:${randomBytes(12).toString('hex')}`;

  constructor(node: string, options: HandshakeOptions) {
    this.#node = node;
    this.#options = options;
  }

  get #asksMeta(): boolean {
    return this.#options.protocol !== 'classic' && !this.#options.knownProxy;
  }

  /** What to write once the socket is connected. */
  begin(): string {
    const { auth } = this.#options;
    if (auth === undefined) return this.#question();
    this.#stage = 'auth';
    const login = `${auth.user} ${auth.password}`;
    return `set auth 0 0 ${Buffer.byteLength(login)}\r\n${Buffer.from(login).toString('latin1')}\r\n`;
  }

  /** A get without a payload: a server that does not know it cannot take a part of it for a command. */
  #question(): string {
    return this.#asksMeta ? `mg ${this.#probeKey} k O1\r\n` : 'version\r\n';
  }

  /** @param line - without its line end */
  receive(line: string): HandshakeStep {
    return this.#stage === 'auth' ? this.#receiveLogin(line) : this.#receiveAnswer(line);
  }

  #receiveLogin(line: string): HandshakeStep {
    if (line === 'STORED') {
      this.#stage = 'question';
      return { kind: 'write', text: this.#question() };
    }
    if (line.startsWith('ERROR Too many open connections')) return this.#tooManyConnections();
    return this.#failed(
      new MemcachedAuthError(`${this.#node} refused the credentials of "auth".`, { node: this.#node }),
    );
  }

  #receiveAnswer(line: string): HandshakeStep {
    if (line.startsWith('ERROR Too many open connections')) return this.#tooManyConnections();
    if (line.startsWith('CLIENT_ERROR unauthenticated')) {
      return this.#failed(
        new MemcachedAuthError(
          `${this.#node} asks for credentials; give them as "auth: { user, password }".`,
          {
            node: this.#node,
          },
        ),
      );
    }
    if (!this.#asksMeta) return this.#receiveVersion(line);
    if (line === `EN k${this.#probeKey} O1`) return { kind: 'ready', dialect: 'meta' };
    if (line.startsWith('CLIENT_ERROR'))
      return this.#options.protocol === 'auto' ? { kind: 'ask-as-proxy' } : this.#noMeta();
    // A bare EN: meta before 1.6.18, which does not name the request of a miss. ERROR: no meta at all.
    // SERVER_ERROR: a proxy whose backend is gone; whatever it is, it is alive.
    if (line === 'EN' || line.startsWith('ERROR') || line.startsWith('SERVER_ERROR')) {
      return this.#options.protocol === 'auto' ? { kind: 'ready', dialect: 'classic' } : this.#noMeta();
    }
    return this.#nonsense();
  }

  #receiveVersion(line: string): HandshakeStep {
    // Behind a proxy `version` goes to a backend, which may be dead while the proxy is well.
    if (line.startsWith('VERSION ') || line.startsWith('SERVER_ERROR')) {
      return { kind: 'ready', dialect: this.#options.knownProxy ? 'proxy' : 'classic' };
    }
    return this.#nonsense();
  }

  /** The server closed the socket before it answered. */
  closed(): HandshakeStep {
    if (this.#stage === 'question' && this.#asksMeta && this.#options.protocol === 'auto') {
      return { kind: 'ask-as-proxy' };
    }
    return this.#failed(
      new MemcachedConnectionError(`${this.#node} closed the connection before its first answer.`, {
        node: this.#node,
      }),
    );
  }

  #noMeta(): HandshakeStep {
    return this.#failed(
      new MemcachedUnsupportedError(
        `${this.#node} does not speak the meta protocol of memcached 1.6.18; use protocol 'auto' or 'classic'.`,
        { node: this.#node },
      ),
    );
  }

  #tooManyConnections(): HandshakeStep {
    return this.#failed(
      new MemcachedConnectionError(`${this.#node} takes no more connections (its limit is -c).`, {
        node: this.#node,
      }),
    );
  }

  #nonsense(): HandshakeStep {
    return this.#failed(
      new MemcachedProtocolError(`${this.#node} does not answer like memcached; is it the right port?`, {
        node: this.#node,
      }),
    );
  }

  #failed(error: MemcachedError): HandshakeStep {
    return { kind: 'failed', error };
  }
}
