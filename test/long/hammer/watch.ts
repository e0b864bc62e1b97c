/**
 * Watches one item from outside, as memcached sees it: when it was fresh and when it was not.
 *
 * Invariant: `me` neither counts as a read nor takes a right to refill, so that watching changes nothing. What an
 * expiry is, is thereby said by the server, and not by the client under test.
 */
import { connect, type Socket } from 'node:net';

/** `gone`: not there; `stub`: a right to refill and no value; `stale`: past its ttl. */
export type State = 'gone' | 'stub' | 'fresh' | 'stale';

/** Smaller than this is no page: header, key and CAS without a value. */
const STUB_BELOW = 250;
const EVERY = 10;

export class Watch {
  state: State = 'gone';
  /** When the item stopped being fresh, milliseconds since 1970; the first time is when the watch began. */
  readonly expiries: number[] = [Date.now()];
  readonly #socket: Socket;
  readonly #key: string;
  /** An item with so many seconds left, or fewer, is stale. */
  readonly #staleSeconds: number;
  #timer: NodeJS.Timeout | undefined;
  #text = '';

  constructor(port: number, key: string, staleSeconds: number) {
    this.#key = key;
    this.#staleSeconds = staleSeconds;
    this.#socket = connect(port, '127.0.0.1');
    this.#socket.setEncoding('latin1').on('data', (text: string) => this.#received(text));
    this.#ask();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#socket.destroy();
  }

  #ask(): void {
    this.#socket.write(`me ${this.#key}\r\n`);
  }

  #received(text: string): void {
    this.#text += text;
    if (!this.#text.endsWith('\r\n')) return;
    const next = this.#read(this.#text);
    this.#text = '';
    if (this.state === 'fresh' && next !== 'fresh') this.expiries.push(Date.now());
    this.state = next;
    this.#timer = setTimeout(() => this.#ask(), EVERY);
  }

  #read(line: string): State {
    if (line === 'EN\r\n') return 'gone';
    const [, left, size] = /^ME \S+ exp=(-?\d+) .*\bsize=(\d+)/.exec(line) ?? [];
    if (size === undefined) throw new Error(`memcached answered "${line.trim()}" to me.`);
    if (Number(size) < STUB_BELOW) return 'stub';
    // 1.6.18 counts what is left as a negative number; -1 is no end as well, which is nothing that stands here.
    return Math.abs(Number(left)) <= this.#staleSeconds ? 'stale' : 'fresh';
  }
}
