/**
 * One conversation: bytes in, replies out. Lines and data blocks are cut out of the stream here and handed to the
 * commands; no socket, no timer.
 *
 * Invariant: where the stream is cut into chunks changes nothing. Every byte is looked at once and copied at most
 * once, so that a megabyte in small pieces costs what it costs in one.
 */
import { classicCommands } from './classic.js';
import { metaCommands } from './meta.js';
import { splitLine } from './text.js';
import { type House, type Next, type Reply, Turn } from './turn.js';

/** What a session tells the one who owns its socket. */
export interface SessionEvents {
  /** A command line was read, data blocks excepted. */
  command(line: string): void;
  reply(reply: Reply): void;
  /** The client asked for it, or sent what no client sends; replies so far still go out. */
  close(): void;
}

const LINE_FEED = 10;
/** A line that is no `get` may have this many bytes; a client that sends more without an end is cut off. */
const LONGEST_LINE = 2_048;
/** The server itself has no bound for `get`; a test server need not follow it into the swap. */
const LONGEST_GET = 64 * 1024 * 1024;
const LONGEST_PASSWORD = 16 * 1024;

export class Session {
  readonly #house: House;
  readonly #events: SessionEvents;
  /** The beginning of a line whose end has not arrived. */
  #pieces: Buffer[] = [];
  #pieceBytes = 0;
  /** Is the line a `get`? Asked only of a long one. */
  #isGet: boolean | undefined;
  #next: Next = { kind: 'line' };
  /** The data block being filled, its line end included, and how much of it is there. */
  #block: Buffer | undefined;
  #filled = 0;
  #skip = 0;
  #turn: Turn | undefined;
  #authenticated: boolean;

  constructor(house: House, events: SessionEvents) {
    this.#house = house;
    this.#events = events;
    this.#authenticated = house.auth === undefined;
  }

  get closed(): boolean {
    return this.#next.kind === 'close';
  }

  feed(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      switch (this.#next.kind) {
        case 'line':
          at = this.#readLine(chunk, at);
          break;
        case 'block':
          at = this.#readBlock(chunk, at, this.#next);
          break;
        case 'swallow': {
          const skipped = Math.min(this.#skip, chunk.length - at);
          at += skipped;
          this.#skip -= skipped;
          if (this.#skip === 0) this.#finish();
          break;
        }
        case 'close':
          return;
        default:
          this.#next satisfies never;
      }
    }
  }

  #readLine(chunk: Buffer, from: number): number {
    const end = chunk.indexOf(LINE_FEED, from);
    const piece = chunk.subarray(from, end === -1 ? chunk.length : end);
    const bytes = this.#pieceBytes + piece.length;
    if (bytes > LONGEST_LINE && !this.#mayBeLong(piece, bytes)) {
      this.#close();
      return chunk.length;
    }
    if (end === -1) {
      // Copied, so that a few bytes do not keep the whole chunk alive.
      this.#pieces.push(Buffer.from(piece));
      this.#pieceBytes = bytes;
      return chunk.length;
    }
    const whole = this.#pieces.length === 0 ? piece : Buffer.concat([...this.#pieces, piece]);
    this.#pieces = [];
    this.#pieceBytes = 0;
    this.#isGet = undefined;
    this.#runLine(whole.toString('latin1'));
    return end + 1;
  }

  #mayBeLong(piece: Buffer, bytes: number): boolean {
    if (!this.#authenticated || bytes > LONGEST_GET) return false;
    // Looked at once per line; a long line in crumbs must not be put together for every crumb.
    this.#isGet ??= /^ {0,100}gets? /.test(
      Buffer.concat([...this.#pieces, piece]).toString('latin1', 0, 128),
    );
    return this.#isGet;
  }

  #runLine(raw: string): void {
    if (!this.#authenticated) {
      this.#authenticate(raw);
      return;
    }
    // A line of nothing but CR keeps it, and is an error as any other unknown command.
    const line = raw.length > 1 && raw.endsWith('\r') ? raw.slice(0, -1) : raw;
    this.#events.command(line);
    const { all, count } = splitLine(line);
    this.#proceed(this.#run(new Turn(this.#house, all, count)));
  }

  #run(turn: Turn): Turn {
    if (turn.verb.length < 2) return turn.say('ERROR');
    const command =
      (this.#house.meta ? metaCommands.get(turn.verb) : undefined) ?? classicCommands.get(turn.verb);
    if (command !== undefined) return command(turn);
    if (turn.words[turn.count - 1]!.startsWith('HTTP/')) return turn.close();
    return turn.say('ERROR');
  }

  /** Goes where the command says: into its data block, past it, or on with its reply sent. */
  #proceed(turn: Turn): void {
    const next = turn.next;
    this.#next = next;
    this.#turn = turn;
    switch (next.kind) {
      case 'block':
        this.#block = Buffer.allocUnsafeSlow(next.bytes + 2);
        this.#filled = 0;
        break;
      case 'swallow':
        // The refusal leaves when all of the refused data has come, not before.
        this.#skip = next.bytes;
        break;
      case 'line':
        this.#finish();
        break;
      case 'close':
        this.#events.reply(turn);
        this.#events.close();
        break;
      default:
        next satisfies never;
    }
  }

  #finish(): void {
    this.#next = { kind: 'line' };
    this.#events.reply(this.#turn!);
    this.#turn = undefined;
  }

  #readBlock(chunk: Buffer, from: number, next: Next & { kind: 'block' }): number {
    const block = this.#block!;
    const copied = chunk.copy(block, this.#filled, from);
    this.#filled += copied;
    if (this.#filled < block.length) return from + copied;
    this.#block = undefined;
    const terminated = block[next.bytes] === 13 && block[next.bytes + 1] === LINE_FEED;
    next.then(terminated ? block.subarray(0, next.bytes) : undefined);
    this.#finish();
    return from + copied;
  }

  /** With a password, the first thing to come is `set <anything> 0 0 <bytes>` and `user password` as its data. */
  #authenticate(line: string): void {
    const { all, count } = splitLine(line);
    const turn = new Turn(this.#house, all, count);
    const bytes = /^\s*\d{1,9}\s*$/.test(all[4] ?? '') ? Number(all[4]) : undefined;
    const rude = this.#house.modern && (line.trimEnd().length < 7 || turn.verb === 'ms');
    if (rude || (bytes ?? 0) > LONGEST_PASSWORD) {
      this.#close();
      return;
    }
    this.#events.command(line.trimEnd());
    if (count < 5 || turn.verb !== 'set' || bytes === undefined) turn.say('CLIENT_ERROR unauthenticated');
    else turn.readBlock(bytes, (block) => turn.say(this.#judge(block)));
    this.#proceed(turn);
  }

  #judge(block: Buffer | undefined): string {
    if (block === undefined) return 'CLIENT_ERROR bad command line termination';
    const { auth, counters, modern } = this.#house;
    const given = block.toString('latin1');
    const { all } = splitLine(given);
    if (all.length < 2) return 'CLIENT_ERROR bad authentication token format';
    counters.auth_cmds++;
    // 1.6.18 takes the second word only, so that a password with a space never fits.
    const password = modern ? given.slice(given.indexOf(all[0]!) + all[0]!.length + 1) : all[1];
    const bytes = (text: string) => Buffer.from(text).toString('latin1');
    if (auth !== undefined && all[0] === bytes(auth.user) && password === bytes(auth.password)) {
      this.#authenticated = true;
      return 'STORED';
    }
    counters.auth_errors++;
    return 'CLIENT_ERROR authentication failure';
  }

  #close(): void {
    this.#next = { kind: 'close' };
    this.#events.close();
  }
}
