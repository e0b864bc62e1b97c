/**
 * Hands a turn's bytes to the socket. Knows two manners: everything at once, or, under TLS, one record of
 * whole commands after the other.
 *
 * Why TLS is different: memcached before 1.6.39 reads a data block straight into the item. When the TLS
 * record that ends the block also holds the start of the next command, that start stays inside OpenSSL,
 * nothing on the socket announces it, and the server waits for ever (its change log: "possible hang when
 * pipelining sets over TLS"; seen with 1.6.18). So no record may hold a part of a command and something else.
 */
import type { Socket } from 'node:net';
import type { WireWriter } from '../protocol/wire-writer.js';

/** Text up to this Node writes from its stack; for more it allocates memory for that write, and clears it first. */
export const STACK_BYTES = 16_384;

export interface Outbox {
  /** More is waiting than the peer takes: nothing should be added until `drained` was called. */
  readonly isFull: boolean;
  /** Sends what was collected since the last time. */
  send(writer: WireWriter): void;
}

/** One write for each call of `send`. */
export class PlainOutbox implements Outbox {
  isFull = false;
  readonly #socket: Socket;

  constructor(socket: Socket, drained: () => void) {
    this.#socket = socket;
    socket.on('drain', () => {
      if (!this.isFull) return;
      this.isFull = false;
      drained();
    });
  }

  send(writer: WireWriter): void {
    const socket = this.#socket;
    const text = writer.takeText();
    const accepted =
      text === undefined ? writeParts(socket, writer.take()) : text === '' || socket.write(text, 'latin1');
    // `false` alone may only mean "a lot": what the kernel took at once is gone already.
    if (!accepted && socket.writableLength > 0) this.isFull = true;
  }
}

/** With more than this waiting, nothing should be added. */
const MOST_QUEUED_BYTES = 262_144;

/** One record at a time: the next when the last is encrypted and gone, so that they cannot run together. */
export class RecordOutbox implements Outbox {
  isFull = false;
  readonly #socket: Socket;
  readonly #drained: () => void;
  #queue: (string | Uint8Array)[][] = [];
  #queuedBytes = 0;
  #isWriting = false;

  constructor(socket: Socket, drained: () => void) {
    this.#socket = socket;
    this.#drained = drained;
  }

  send(writer: WireWriter): void {
    this.#queuedBytes += writer.bytes;
    this.#queue.push(...writer.takeRecords());
    if (this.#queuedBytes > MOST_QUEUED_BYTES) this.isFull = true;
    this.#next();
  }

  #next(): void {
    if (this.#isWriting) return;
    const record = this.#queue.shift();
    if (record === undefined) {
      this.#queuedBytes = 0;
      if (!this.isFull) return;
      this.isFull = false;
      this.#drained();
      return;
    }
    this.#isWriting = true;
    writeParts(this.#socket, record, () => {
      this.#isWriting = false;
      if (!this.#socket.destroyed) this.#next();
    });
  }
}

function writeParts(socket: Socket, parts: readonly (string | Uint8Array)[], done?: () => void): boolean {
  let accepted = true;
  socket.cork();
  parts.forEach((part, index) => {
    const callback = index === parts.length - 1 ? done : undefined;
    accepted =
      typeof part === 'string' ? socket.write(part, 'latin1', callback) : socket.write(part, callback);
  });
  socket.uncork();
  return accepted;
}
