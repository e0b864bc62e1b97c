/**
 * The sockets of one node: which one takes the next request, when another is opened, when an idle one goes.
 *
 * Invariant: never more than `poolSize` sockets, and never more than one being opened. One socket carries
 * most per system call, so a second is only opened when the first is busy with something long.
 */
import type { Connection } from '../connection/connection.js';
import type { ConnectionState } from '../connection/contract.js';

export class Sockets {
  readonly all: Connection[] = [];
  /** The last one opened refused to come up beside others; no further one beside others before this time. */
  #notBefore = Number.NEGATIVE_INFINITY;
  readonly #poolSize: number;
  readonly #open: () => Connection;

  constructor(poolSize: number, open: () => Connection) {
    this.#poolSize = poolSize;
    this.#open = open;
  }

  /** The socket for the next request: the first that is not busy with something long; `undefined` when none may be written to. */
  pick(now: number): Connection | undefined {
    let best: Connection | undefined;
    for (const connection of this.all) {
      if (connection.state !== 'ready') continue;
      if (!connection.isLong) return connection;
      if (!connection.blocked && (best === undefined || connection.outstanding < best.outstanding)) {
        best = connection;
      }
    }
    this.openAnother(now);
    return best;
  }

  /** Opens a socket unless one is being opened, or there are enough. */
  openAnother(now: number): void {
    if (this.all.length >= this.#poolSize || this.count('opening') > 0) return;
    if (now < this.#notBefore && this.count('ready') > 0) return;
    this.all.push(this.#open());
  }

  /** An extra socket could not be opened: the node lives, so leave it at what there is for a while. */
  holdBack(until: number): void {
    this.#notBefore = until;
  }

  remove(connection: Connection): void {
    const index = this.all.indexOf(connection);
    if (index >= 0) this.all.splice(index, 1);
  }

  count(state: ConnectionState): number {
    let count = 0;
    for (const connection of this.all) if (connection.state === state) count++;
    return count;
  }

  /** Closes sockets unused since `before`, but never the first. @returns since when the longest unused of the rest is */
  closeIdle(before: number): number {
    let oldest = Number.POSITIVE_INFINITY;
    for (const connection of this.all.slice(1)) {
      if (connection.state !== 'ready' || connection.outstanding > 0) continue;
      const usedAt = Math.max(connection.lastByteAt, connection.busySince);
      if (usedAt <= before) connection.drain();
      else oldest = Math.min(oldest, usedAt);
    }
    return oldest;
  }
}
