/**
 * The way out of one connection: replies leave in order, at once, late, in crumbs or not at all.
 *
 * Invariant: a byte never overtakes one that was sent before it. Which reply is to be spoilt how is decided by the
 * rules in `misbehave.ts`; what a reply says by the commands.
 */
import type { Socket } from 'node:net';
import type { Clock, Timer } from '../core/base/clock.js';
import { Fifo } from '../core/base/fifo.js';
import type { Part } from './turn.js';

/** How one reply is to leave. */
export interface Manner {
  /** Milliseconds it waits, counted from when it was ready. */
  delay: number;
  /** Bytes per write, one write per turn of the event loop; 0 is all at once. */
  dribble: number;
  /** The connection ends this many bytes after the reply's first byte. */
  cut: { readonly bytes: number; readonly reset: boolean } | undefined;
  /** Neither this reply nor any later one leaves. */
  mute: boolean;
}

export const PLAINLY: Manner = { delay: 0, dribble: 0, cut: undefined, mute: false };

interface Entry {
  readonly parts: readonly Part[];
  readonly manner: Manner;
  readonly due: number;
}

/** Replies up to this size are copied together into one write. */
const ONE_WRITE = 64 * 1024;
/** Turns of the event loop in which a reader in this process has read what was written. */
const TURNS_TO_READ = 4;

export class Wire {
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #written: (bytes: number) => void;
  /** Ready to leave with the next {@link flush}. */
  #batch: Part[] = [];
  /** What waits for its time; while something does, everything later queues behind it. */
  readonly #queue = new Fifo<Entry>();
  #timer: Timer | undefined;
  /** A reply is leaving in crumbs. */
  #dribbling = false;
  #frozen = false;
  #ending = false;
  /** Bytes that may still leave before the cut. */
  #budget: { bytes: number; readonly reset: boolean } | undefined;
  #mute = false;
  #over = false;

  constructor(socket: Socket, clock: Clock, written: (bytes: number) => void) {
    this.#socket = socket;
    this.#clock = clock;
    this.#written = written;
  }

  /** Nothing is written before {@link flush}. */
  send(parts: readonly Part[], manner: Manner = PLAINLY): void {
    if (this.#over || this.#mute) return;
    if (manner === PLAINLY && this.#queue.size === 0 && !this.#dribbling && !this.#frozen) {
      for (const part of parts) this.#batch.push(part);
      return;
    }
    this.#queue.push({ parts, manner, due: this.#clock.now() + manner.delay });
  }

  flush(): void {
    this.#pump();
    this.#writeBatch();
    if (this.#ending && this.#queue.size === 0 && !this.#dribbling) this.#finish(false);
  }

  /** Closes after everything that was sent. */
  end(): void {
    this.#ending = true;
  }

  /** Holds everything back, as a stopped process does. */
  freeze(): void {
    this.#frozen = true;
  }

  thaw(): void {
    this.#frozen = false;
    this.flush();
  }

  /** The connection is gone: forgets what waits. */
  discard(): void {
    this.#over = true;
    this.#batch = [];
    this.#queue.drain();
    if (this.#timer !== undefined) this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #pump(): void {
    while (!this.#over && !this.#frozen && !this.#dribbling) {
      const entry = this.#queue.peek();
      if (entry === undefined) return;
      const wait = entry.due - this.#clock.now();
      if (wait > 0) {
        this.#timer ??= this.#clock.setTimeout(() => {
          this.#timer = undefined;
          this.flush();
        }, wait);
        return;
      }
      this.#queue.shift();
      this.#leave(entry);
    }
  }

  #leave({ parts, manner }: Entry): void {
    if (manner.cut !== undefined) {
      this.#writeBatch();
      this.#budget ??= { ...manner.cut };
    }
    if (manner.mute) {
      this.#mute = true;
      this.#queue.drain();
      return;
    }
    if (manner.dribble > 0) {
      this.#writeBatch();
      this.#dribbling = true;
      this.#crumble(joined(parts), 0, manner.dribble);
      return;
    }
    for (const part of parts) this.#batch.push(part);
    if (this.#budget !== undefined) this.#writeBatch();
  }

  #crumble(bytes: Buffer, at: number, size: number): void {
    if (this.#over) return;
    if (!this.#frozen) {
      this.#put(bytes.subarray(at, at + size));
      at += size;
    }
    this.#clock.setImmediate(() => {
      if (at < bytes.length) {
        this.#crumble(bytes, at, size);
        return;
      }
      this.#dribbling = false;
      this.flush();
    });
  }

  #writeBatch(): void {
    const parts = this.#batch;
    if (parts.length === 0 || this.#over) {
      if (this.#budget?.bytes === 0) this.#finish(this.#budget.reset);
      return;
    }
    this.#batch = [];
    let bytes = 0;
    for (const part of parts) bytes += part.length;
    if (bytes <= ONE_WRITE || this.#budget !== undefined) {
      this.#put(joined(parts, bytes));
      return;
    }
    this.#socket.cork();
    for (const part of parts) this.#put(part);
    this.#socket.uncork();
  }

  #put(part: Part): void {
    if (this.#over) return;
    const budget = this.#budget;
    if (budget === undefined) {
      this.#written(part.length);
      if (typeof part === 'string') this.#socket.write(part, 'latin1');
      else this.#socket.write(part);
      return;
    }
    const allowed = part.slice(0, budget.bytes);
    budget.bytes -= allowed.length;
    this.#written(allowed.length);
    if (typeof allowed === 'string') this.#socket.write(allowed, 'latin1');
    else this.#socket.write(allowed);
    if (budget.bytes === 0) this.#finish(budget.reset);
  }

  #resetIn(turns: number): void {
    if (turns === 0) resetSocket(this.#socket);
    else this.#clock.setImmediate(() => this.#resetIn(turns - 1));
  }

  #finish(reset: boolean): void {
    if (this.#over) return;
    this.discard();
    if (reset) {
      // Linux shows a reset as a plain end to a reader that has not yet read the bytes before it.
      this.#socket.write('', () => this.#resetIn(TURNS_TO_READ));
    } else {
      this.#socket.end();
    }
  }
}

/** RST where the transport has one; TLS and unix sockets have none to offer and just close. */
export function resetSocket(socket: Socket): void {
  try {
    socket.resetAndDestroy();
  } catch {
    socket.destroy();
  }
}

function joined(parts: readonly Part[], bytes = parts.reduce((sum, part) => sum + part.length, 0)): Buffer {
  const out = Buffer.allocUnsafe(bytes);
  let at = 0;
  for (const part of parts) {
    if (typeof part === 'string') out.write(part, at, 'latin1');
    else part.copy(out, at);
    at += part.length;
  }
  return out;
}
