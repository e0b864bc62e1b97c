/**
 * A server that is memory: sockets opened after {@link connectToMemory} lead to no kernel and no process. What is
 * written is answered on the next turn of the event loop.
 */
import { EventEmitter } from 'node:events';
import { syncBuiltinESMExports } from 'node:module';
import net from 'node:net';

const NUMBERS = 4_096;
const MN = Buffer.from('MN\r\n');

/**
 * From now on every socket of this process leads to memory.
 * @param {{to: (text: string) => Buffer[]}} answers what is sent for requests, in order
 */
export function connectToMemory(answers) {
  net.connect = net.createConnection = (options, connected) =>
    new MemorySocket(answers, options.onread, connected);
  syncBuiltinESMExports();
}

/**
 * Answers that were made before, so that they cost a copy each.
 *
 * Invariant: requests carry the numbers 0 to 4095 one after the other, as this client and the bare one send them,
 * and every key holds the same value. What is written otherwise ends the run, it is never answered by guess.
 */
export class FixedAnswers {
  /** To all numbers, one after the other; the answer to `number` ends at `#ends[number]`. */
  #bytes;
  #ends = new Float64Array(NUMBERS);
  #batches = new Map();
  #isSet;
  #value;
  #next;

  /** @param {{value: string, isSet: boolean}} content what each key holds; whether it is read or written */
  constructor({ value, isSet }) {
    this.#isSet = isSet;
    this.#value = value;
    const parts = Array.from({ length: NUMBERS }, (_, number) =>
      Buffer.from(isSet ? `HD O${number}\r\n` : `VA ${value.length} f1 O${number}\r\n${value}\r\n`, 'latin1'),
    );
    let end = 0;
    for (const [number, part] of parts.entries()) this.#ends[number] = end += part.length;
    this.#bytes = Buffer.concat(parts);
  }

  /** What is to be sent for the requests in `text`. */
  to(text) {
    if (text.startsWith('get ') || text.includes('\r\nget ')) {
      return text
        .split('\r\n')
        .slice(0, -1)
        .map((line) => this.#batch(line));
    }
    const probe = /^mg (\S+) k O1\r\n$/.exec(text);
    if (probe !== null) return [Buffer.from(`EN k${probe[1]} O1\r\n`)];
    if (text.endsWith('\r\nmn\r\n')) {
      const quietFrom = text.lastIndexOf('ms ', text.indexOf(' q\r\n'));
      return [...(quietFrom === 0 ? [] : this.#each(text.slice(0, quietFrom))), ...this.#quiet(text)];
    }
    return this.#each(text);
  }

  /** Requests that each have a number. */
  #each(text) {
    const first = numberIn(text, 0);
    this.#next ??= first;
    if (first !== this.#next) throw new Error(`Request ${first} comes where ${this.#next} was due.`);
    // The value of a write holds no line of its own.
    const last = numberIn(text, this.#isSet ? text.lastIndexOf('\r\nms ') + 1 : text.lastIndexOf(' O'));
    const from = this.#begin(this.#next);
    const isBeyondEnd = last < this.#next;
    this.#next = (last + 1) % NUMBERS;
    const to = this.#ends[last];
    if (!isBeyondEnd) return [this.#bytes.subarray(from, to)];
    return [this.#bytes.subarray(from), this.#bytes.subarray(0, to)];
  }

  /** Quiet sets, of which only the last has a number and is answered, and the end behind them. */
  #quiet(text) {
    const number = numberIn(text, text.lastIndexOf('\r\nms '));
    this.#next ??= number;
    if (number !== this.#next) throw new Error(`Request ${number} comes where ${this.#next} was due.`);
    this.#next = (number + 1) % NUMBERS;
    return [this.#bytes.subarray(this.#begin(number), this.#ends[number]), MN];
  }

  #begin(number) {
    return number === 0 ? 0 : this.#ends[number - 1];
  }

  #batch(line) {
    let batch = this.#batches.get(line);
    if (batch === undefined) {
      if (!line.startsWith('get '))
        throw new Error(`The server in memory knows lists alone, not beside "${line}".`);
      const found = line.split(' ').slice(1);
      const lines = found.map((key) => `VALUE ${key} 1 ${this.#value.length}\r\n${this.#value}\r\n`);
      batch = Buffer.from(`${lines.join('')}END\r\n`, 'latin1');
      this.#batches.set(line, batch);
    }
    return batch;
  }
}

/** The number of the first request at or after `from`. */
function numberIn(text, from) {
  const begin = text.indexOf(' O', from) + 2;
  const number = Number(text.slice(begin, text.indexOf('\r', begin)));
  if (begin < 2 || !(number < NUMBERS)) {
    throw new Error(`The server in memory has no answer to "${text.slice(0, 60)}".`);
  }
  return number;
}

/** As much of a `net.Socket` as a client with a buffer of its own needs. */
class MemorySocket extends EventEmitter {
  connecting = true;
  destroyed = false;
  writableLength = 0;
  bytesWritten = 0;
  #answers;
  #onread;
  #buffer;
  #waiting = [];
  #isArmed = false;

  constructor(answers, onread, connected) {
    super();
    this.#answers = answers;
    this.#onread = onread;
    setImmediate(() => {
      this.connecting = false;
      connected?.();
      this.emit('connect');
    });
  }

  write(text) {
    this.bytesWritten += text.length;
    this.#waiting.push(...this.#answers.to(text));
    if (!this.#isArmed) {
      this.#isArmed = true;
      setImmediate(() => this.#deliver());
    }
    return true;
  }

  /** In reads of at most what the client has room for, as from a kernel. */
  #deliver() {
    this.#isArmed = false;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const bytes of waiting) {
      for (let from = 0; from < bytes.length; ) {
        const { buffer, callback } = this.#onread;
        this.#buffer = (typeof buffer === 'function' ? buffer() : buffer) ?? this.#buffer;
        const count = bytes.copy(this.#buffer, 0, from);
        from += count;
        callback(count, this.#buffer);
      }
    }
  }

  cork() {}
  uncork() {}
  setNoDelay = () => this;
  setKeepAlive = () => this;
  ref = () => this;
  unref = () => this;

  destroy() {
    this.destroyed = true;
    return this;
  }
}
