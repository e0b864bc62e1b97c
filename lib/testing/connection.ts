/**
 * One accepted socket: feeds what arrives to a session and sends what it answers, as the rules of misbehaviour allow.
 *
 * Invariant: while the client does not read, nothing more is read from it, so that replies cannot pile up.
 * What bytes mean is the session's business, how they leave the wire's.
 */
import type { Socket } from 'node:net';
import type { Clock, Timer } from '../core/base/clock.js';
import type { Misbehaviour, Performer } from './misbehave.js';
import { Session } from './session.js';
import type { House, Reply } from './turn.js';
import { resetSocket, Wire } from './wire.js';

export interface ConnectionSetting {
  readonly house: House;
  readonly clock: Clock;
  readonly misbehave: Misbehaviour;
  /** Milliseconds; 0 is never. */
  readonly idleTimeout: number;
  /** A command line was read. */
  command(line: string): void;
  closed(connection: Connection): void;
}

export class Connection implements Performer {
  readonly #socket: Socket;
  readonly #setting: ConnectionSetting;
  readonly #wire: Wire;
  readonly #session: Session;
  held: Performer['held'] = [];
  frozenBy: Performer['frozenBy'];
  #frozen = false;
  /** The client does not read fast enough. */
  #choked = false;
  #lastByte: number;
  #idleTimer: Timer | undefined;

  constructor(socket: Socket, setting: ConnectionSetting) {
    this.#socket = socket;
    this.#setting = setting;
    const { clock, house, misbehave } = setting;
    this.#wire = new Wire(socket, clock, (bytes) => {
      house.counters.bytes_written += bytes;
    });
    this.#session = new Session(house, {
      command: setting.command,
      reply: (reply) => this.#reply(reply),
      close: () => this.#wire.end(),
    });
    this.#lastByte = clock.now();
    socket.setNoDelay(true);
    socket.on('data', (chunk) => this.#read(chunk));
    socket.on('drain', () => this.#unchoke());
    // A client may vanish at any moment; that is its right, and 'close' follows.
    socket.on('error', () => {});
    socket.on('close', () => this.#closed());
    const welcome = misbehave.onAccept();
    if (welcome === 'close') socket.end();
    else if (welcome === 'reset') resetSocket(socket);
    else if (welcome.length > 0) {
      this.#wire.send(welcome);
      this.#wire.flush();
    }
    this.#heedFreezes(true);
    this.#watchIdle();
  }

  /** Stops or starts reading and writing as the rules now say. */
  refreeze(): void {
    this.#heedFreezes(false);
  }

  #heedFreezes(fresh: boolean): void {
    const frozen = this.#setting.misbehave.isFrozen(this, fresh);
    if (frozen === this.#frozen) return;
    this.#frozen = frozen;
    if (frozen) {
      this.#socket.pause();
      this.#wire.freeze();
    } else {
      this.#wire.thaw();
      if (!this.#choked) this.#socket.resume();
    }
  }

  destroy(): void {
    this.#wire.discard();
    this.#socket.destroy();
  }

  #read(chunk: Buffer): void {
    this.#setting.house.counters.bytes_read += chunk.length;
    this.#lastByte = this.#setting.clock.now();
    if (this.#session.closed) return;
    this.#session.feed(chunk);
    this.#wire.flush();
    if (this.#socket.writableNeedDrain) {
      this.#choked = true;
      this.#socket.pause();
    }
  }

  #reply(reply: Reply): void {
    if (reply.parts.length === 0) return;
    const { misbehave } = this.#setting;
    if (misbehave.leavesReplies && this.held.length === 0) {
      this.#wire.send(reply.parts);
      return;
    }
    for (const { parts, manner } of misbehave.bend(reply, this)) this.#wire.send(parts, manner);
  }

  #unchoke(): void {
    this.#choked = false;
    if (!this.#frozen) this.#socket.resume();
  }

  #watchIdle(): void {
    const { clock, idleTimeout } = this.#setting;
    if (idleTimeout === 0) return;
    const left = this.#lastByte + idleTimeout - clock.now();
    if (left <= 0) {
      this.#idleTimer = undefined;
      this.#wire.end();
      this.#wire.flush();
      return;
    }
    this.#idleTimer = clock.setTimeout(() => this.#watchIdle(), left);
    this.#idleTimer.unref?.();
  }

  #closed(): void {
    this.#wire.discard();
    if (this.#idleTimer !== undefined) this.#setting.clock.clearTimeout(this.#idleTimer);
    this.#idleTimer = undefined;
    this.#setting.closed(this);
  }
}
