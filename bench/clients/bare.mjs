/**
 * A bare client: one socket, one promise per call, and nothing else. No key is checked, no deadline kept, no node
 * chosen, no failure told; it can only speak to a server that is well. What it reaches is what promises and strings
 * leave possible on the machine it runs on.
 *
 * Invariant: answers come in the order of the requests; the first one that cannot be right fails the run.
 */
import net from 'node:net';

const BUFFER_BYTES = 262_144;
const OPAQUES = 4_096;

class Bare {
  /** What every open request waits for: the text of its answer, its bytes, or nothing. */
  #waiting = [];
  #head = 0;
  #text = '';
  #parts = [];
  #opaque = 0;
  #headOpaque = 0;
  #buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  #kept = 0;
  #isArmed = false;
  /** A large value on its way, and how much of it is there. */
  #large;
  #filled = 0;
  #socket;

  connect({ host, port }) {
    return new Promise((resolve, reject) => {
      const onread = {
        buffer: () => this.#room(),
        callback: (count) => {
          this.#read(count);
          return true;
        },
      };
      this.#socket = net.connect({ host, port, noDelay: true, onread }, resolve).on('error', reject);
    });
  }

  get(key) {
    return new Promise((resolve) => this.#ask(`mg ${key} f v O${this.#next()}\r\n`, resolve, true));
  }

  getBuffer(key) {
    return new Promise((resolve) => this.#ask(`mg ${key} f v O${this.#next()}\r\n`, resolve, false));
  }

  set(key, value) {
    const line = `ms ${key} ${value.length} F1 T0 O${this.#next()}\r\n`;
    return new Promise((resolve) => {
      if (typeof value === 'string') return this.#ask(`${line}${value}\r\n`, resolve, true);
      this.#parts.push(this.#text + line, value);
      this.#text = '';
      this.#ask('\r\n', resolve, false);
    });
  }

  /** One promise for all of them, as a client would do it. */
  getMany(keys) {
    return new Promise((resolve) => {
      const found = new Map();
      for (const key of keys) {
        const settle = (value) => {
          found.set(key, value);
          if (found.size === keys.length) resolve(found);
        };
        this.#ask(`mg ${key} f v O${this.#next()}\r\n`, settle, true);
      }
    });
  }

  close() {
    this.#socket.destroy();
  }

  #next() {
    const opaque = this.#opaque;
    this.#opaque = (opaque + 1) % OPAQUES;
    return opaque;
  }

  #ask(text, settle, isText) {
    this.#text += text;
    this.#waiting.push(settle, isText);
    if (this.#isArmed) return;
    this.#isArmed = true;
    process.nextTick(() => this.#flush());
  }

  #flush() {
    this.#isArmed = false;
    const text = this.#text;
    this.#text = '';
    if (this.#parts.length === 0) return this.#socket.write(text, 'latin1');
    this.#socket.cork();
    for (const part of [...this.#parts, text]) this.#socket.write(part, 'latin1');
    this.#socket.uncork();
    this.#parts = [];
  }

  #room() {
    if (this.#large !== undefined) return this.#large.subarray(this.#filled);
    return this.#kept === 0 ? this.#buffer : this.#buffer.subarray(this.#kept);
  }

  #read(count) {
    if (this.#large !== undefined) {
      this.#filled += count;
      if (this.#filled < this.#large.length) return;
      const large = this.#large;
      const length = large.length - 2;
      this.#large = undefined;
      this.#settle(this.#isForText ? large.latin1Slice(0, length) : large.subarray(0, length));
      return;
    }
    const bytes = this.#buffer;
    const to = this.#kept + count;
    let from = 0;
    while (from < to) {
      const next = this.#readOne(bytes, from, to);
      if (next === from) break;
      from = next;
    }
    if (this.#large === undefined && from > 0 && from < to) bytes.copy(bytes, 0, from, to);
    this.#kept = this.#large === undefined ? to - from : 0;
  }

  /** Reads the answer at `from`; gives where the next begins, or `from` when it is not all there. */
  #readOne(bytes, from, to) {
    const hasValue = bytes[from] === 86; // VA, else HD
    let at = from + 3;
    let length = 0;
    if (hasValue) {
      for (; at < to && bytes[at] !== 32; at++) length = length * 10 + bytes[at] - 48;
      at += 2;
      while (at < to && bytes[at] !== 32) at++;
      at++;
    }
    let opaque = 0;
    for (at++; at < to && bytes[at] !== 13; at++) opaque = opaque * 10 + bytes[at] - 48;
    if (at + 2 > to) return from;
    const begin = at + 2;
    if (hasValue && begin + length + 2 > to && length < BUFFER_BYTES / 2) return from;
    if (opaque !== this.#headOpaque) throw new Error('An answer is out of order.');
    this.#headOpaque = (opaque + 1) % OPAQUES;
    if (!hasValue) {
      this.#settle(undefined);
      return begin;
    }
    if (begin + length + 2 <= to) {
      this.#settle(
        this.#isForText
          ? bytes.latin1Slice(begin, begin + length)
          : Buffer.from(bytes.subarray(begin, begin + length)),
      );
      return begin + length + 2;
    }
    this.#large = Buffer.allocUnsafeSlow(length + 2);
    this.#filled = bytes.copy(this.#large, 0, begin, to);
    return to;
  }

  /** Whether who waits next asked for the text of its value. */
  get #isForText() {
    return this.#waiting[this.#head + 1];
  }

  #settle(value) {
    const settle = this.#waiting[this.#head];
    this.#waiting[this.#head] = undefined;
    this.#head += 2;
    if (this.#head === this.#waiting.length) {
      this.#waiting = [];
      this.#head = 0;
    }
    settle(value);
  }
}

export async function open({ servers: [server] }) {
  const client = new Bare();
  await client.connect(server);
  return {
    get: (key) => client.get(key),
    set: (key, value) => client.set(key, value),
    getMany: (keys) => client.getMany(keys),
    pick: (found, key) => found.get(key),
    buffers: true,
    getBuffer: (key) => client.getBuffer(key),
    close: () => client.close(),
  };
}
