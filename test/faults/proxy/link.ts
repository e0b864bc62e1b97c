/**
 * One connection through the fault proxy: a client's socket, the server's socket behind it, and what the
 * faults of the moment make of the bytes between them. Which faults there are is the proxy's business.
 *
 * Invariant: what is delivered to the client leaves in the order it was delivered.
 */
import { connect, type Socket } from 'node:net';
import { ReplySplitter } from './replies.js';

/** What the proxy decides for all its links. */
export interface LinkFaults {
  /** Nothing gets through any more, in either direction. */
  blackHole: boolean;
  /** Answers are held back until the fault is over. */
  stalled: boolean;
  /** Requests are not even read. */
  unreading: boolean;
  /** Milliseconds that every answer is late. */
  latency: number;
  /** Answers leave in pieces of so many bytes, one per turn; 0 is whole. */
  dribble: number;
  /** Answers are cut at these offsets of the stream, one piece per turn. */
  splits: readonly number[];
}

/** What leaves in place of a reply. */
export interface Delivery {
  bytes: Buffer;
  /** What happens to the connection behind these bytes. */
  ending?: 'fin' | 'reset' | undefined;
  /** Goes behind the connection's next reply. */
  held?: boolean;
}

export interface LinkOwner {
  readonly faults: LinkFaults;
  /** What leaves in place of a reply; `index` counts the replies of this connection from 0. */
  bend(reply: Buffer, index: number): Delivery[];
  requested(text: string): void;
  closed(link: Link): void;
}

export class Link {
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #owner: LinkOwner;
  readonly #splitter = new ReplySplitter();
  #replies = 0;
  /** Ready to leave, oldest first. */
  #queue: (Delivery & { due: number })[] = [];
  #timer: NodeJS.Timeout | undefined;
  #pumping = false;
  /** Bytes that have left to the client. */
  #offset = 0;
  /** It has said its last. */
  #mute = false;
  #closed = false;

  constructor(client: Socket, target: { host: string; port: number }, owner: LinkOwner) {
    this.#client = client;
    this.#owner = owner;
    this.#server = connect(target);
    for (const socket of [client, this.#server]) {
      socket.setNoDelay(true);
      socket.on('error', () => {});
      socket.on('close', () => this.destroy());
    }
    client.on('data', (chunk) => this.#fromClient(chunk));
    this.#server.on('data', (chunk) => this.#fromServer(chunk));
    this.obey();
  }

  /** Looks at the faults again. */
  obey(): void {
    if (this.#closed) return;
    if (this.#owner.faults.unreading) this.#client.pause();
    else this.#client.resume();
    this.#pump();
  }

  /** Bytes nobody asked for. */
  say(text: string | Buffer): void {
    this.#deliver({ bytes: Buffer.from(text as string, 'latin1') });
  }

  end(how: 'fin' | 'reset' | 'half-close'): void {
    if (how === 'reset') this.#client.resetAndDestroy();
    // A server that says no more but still listens.
    else this.#client.end();
    if (how === 'fin') this.#server.destroy();
  }

  destroy(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#client.destroy();
    this.#server.destroy();
    this.#owner.closed(this);
  }

  #fromClient(chunk: Buffer): void {
    this.#owner.requested(chunk.toString('latin1'));
    if (this.#owner.faults.blackHole) return;
    this.#server.write(chunk);
  }

  #fromServer(chunk: Buffer): void {
    for (const reply of this.#splitter.push(chunk)) {
      for (const delivery of this.#owner.bend(reply, this.#replies++)) this.#deliver(delivery);
    }
  }

  #deliver(delivery: Delivery): void {
    if (this.#mute || this.#owner.faults.blackHole) return;
    this.#queue.push({ ...delivery, due: performance.now() + this.#owner.faults.latency });
    this.#pump();
  }

  #pump(): void {
    if (this.#pumping) return;
    clearTimeout(this.#timer);
    while (this.#queue.length > 0 && !this.#closed && !this.#mute && !this.#owner.faults.stalled) {
      const head = this.#queue[0]!;
      const wait = head.due - performance.now();
      if (wait > 0) {
        this.#timer = setTimeout(() => this.#pump(), wait);
        return;
      }
      this.#queue.shift();
      if (this.#leave(head)) return;
    }
  }

  /** @returns true when the rest has to wait for another turn. */
  #leave({ bytes, ending }: Delivery): boolean {
    const size = this.#pieceSize(bytes.length);
    this.#offset += size;
    this.#client.write(size === bytes.length ? bytes : bytes.subarray(0, size));
    if (size < bytes.length) {
      this.#queue.unshift({ bytes: bytes.subarray(size), ending, due: 0 });
    } else if (ending !== undefined) {
      this.#mute = true;
      // A reset throws away what has not arrived, so it comes a little later.
      if (ending === 'reset') setTimeout(() => this.end('reset'), 5);
      else this.end('fin');
      return true;
    }
    if (this.#owner.faults.dribble === 0 && this.#owner.faults.splits.length === 0) return false;
    this.#pumping = true;
    setImmediate(() => {
      this.#pumping = false;
      this.#pump();
    });
    return true;
  }

  #pieceSize(length: number): number {
    const { dribble, splits } = this.#owner.faults;
    let size = dribble === 0 ? length : Math.min(dribble, length);
    for (const split of splits) {
      if (split > this.#offset && split < this.#offset + size) size = split - this.#offset;
    }
    return size;
  }
}
