/**
 * A socket for tests that speak bytes: sends text as one byte per character and waits for what comes back.
 * No protocol knowledge, and no waiting without a bound.
 */
import type { Socket } from 'node:net';

/** Only a guard against a hang; a healthy server answers within milliseconds. */
const GUARD = 5_000;

export class RawSocket {
  readonly #socket: Socket;
  #received = '';
  #closed: string | undefined;
  #wake: () => void = () => {};

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => {
      this.#received += chunk.toString('latin1');
      this.#wake();
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.#closed = error.code ?? error.message;
    });
    socket.on('close', () => {
      this.#closed ??= 'closed';
      this.#wake();
    });
  }

  /** `'closed'`, an error's code, or `undefined` while it is open. */
  get closed(): string | undefined {
    return this.#closed;
  }

  send(text: string): void {
    this.#socket.write(Buffer.from(text, 'latin1'));
  }

  /** Sends and takes everything that has come when `done` says yes, or when the socket closed or the guard rang. */
  async ask(text: string, done: (received: string) => boolean): Promise<string> {
    this.send(text);
    return this.until(done);
  }

  async until(done: (received: string) => boolean): Promise<string> {
    const deadline = performance.now() + GUARD;
    while (!done(this.#received) && this.#closed === undefined && performance.now() < deadline) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, GUARD);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    const taken = this.#received;
    this.#received = '';
    return taken;
  }

  /** Sends one command and takes what has come when its last line has. */
  line(text: string): Promise<string> {
    return this.ask(`${text}\r\n`, (received) => received.endsWith('\r\n'));
  }

  /** Waits until the other side has closed; returns what came before. */
  end(): Promise<string> {
    return this.until(() => false);
  }

  destroy(): void {
    this.#socket.destroy();
  }
}
