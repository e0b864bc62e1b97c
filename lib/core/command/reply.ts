/**
 * What can be answered. One {@link Reply} per connection is filled again for every answer and only lent to
 * whoever settles the request: nothing may keep it, or the buffer it points into.
 */
import { isAscii } from 'node:buffer';

export const ReplyKind = {
  /** An item; its body is `buffer[start..end)`. */
  value: 0,
  /** Not there (EN, NF, END, NOT_FOUND). */
  miss: 1,
  /** Done (HD, STORED, DELETED, TOUCHED, OK, MN). */
  done: 2,
  /** The condition of add, replace, append or prepend was not met (NS, NOT_STORED). */
  notStored: 3,
  /** Somebody else changed it meanwhile (EX, EXISTS). */
  exists: 4,
  /** A counter's new value, as decimal digits in `text`. */
  number: 5,
  /** `SERVER_ERROR` with its `text`: this one request failed. */
  serverError: 6,
  /** `CLIENT_ERROR` with its `text`: the server did not like this one request. */
  clientError: 7,
  /** `ERROR`: the server does not know the command. */
  unknownCommand: 8,
  /** A line of text (`VERSION`). */
  text: 9,
  /** One line of an answer that goes on: `STAT name value`. */
  line: 10,
} as const;
export type ReplyKind = (typeof ReplyKind)[keyof typeof ReplyKind];

export const NO_BUFFER: Buffer = Buffer.alloc(0);

/** With fewer bytes read at once, looking at all of them costs more than looking at each value. */
const WORTH_A_LOOK = 1_024;

/** A CAS id as it is read: made a bigint only when somebody asks, which few readers do. */
export interface ReadCas {
  /** -1 when it was not asked for, or when it has more digits than a number holds exactly. */
  readonly shortCas: number;
  /** Such a one, as decimal digits: a CAS id has 64 bits. */
  readonly longCas: string;
}

/** `undefined` when it was not asked for. */
export function casOf({ shortCas, longCas }: ReadCas): bigint | undefined {
  if (shortCas >= 0) return BigInt(shortCas);
  return longCas === '' ? undefined : BigInt(longCas);
}

export class Reply implements ReadCas {
  kind: ReplyKind = ReplyKind.miss;
  /** Client flags of a value. */
  flags = 0;
  buffer: Buffer = NO_BUFFER;
  start = 0;
  end = 0;
  /** The buffer belongs to this value alone, so it may be handed out without a copy. */
  owned = false;
  shortCas = -1;
  longCas = '';
  /** Text of an error, a version, a number or a line. */
  text = '';
  /** Seconds left (`t`), -1 for never; `undefined` when it was not asked for. */
  ttlSeconds: number | undefined = undefined;
  /** This reader won the right to refill (`W`). */
  won = false;
  /** The item is marked stale (`X`). */
  stale = false;
  /** Somebody else holds the right to refill (`Z`). */
  taken = false;
  /** Was it read before (`h`)? */
  hitBefore = false;
  /** Seconds since it was last read (`l`). */
  idleSeconds = 0;
  /** CAS id; `undefined` when it was not asked for. */
  get cas(): bigint | undefined {
    return casOf(this);
  }

  #read: Buffer = NO_BUFFER;
  #readFrom = 0;
  #readTo = 0;
  #readAscii: boolean | undefined = undefined;

  /** What follows is read from `buffer[from..to)`. */
  readFrom(buffer: Buffer, from: number, to: number): void {
    this.#read = buffer;
    this.#readFrom = from;
    this.#readTo = to;
    this.#readAscii = to - from < WORTH_A_LOOK ? false : undefined;
  }

  /** All that was read together with the answer is ASCII; looked at once, when first asked. */
  get isAscii(): boolean {
    this.#readAscii ??= isAscii(this.#read.subarray(this.#readFrom, this.#readTo));
    return this.#readAscii;
  }

  /** Nothing of what was read may be reached from here any longer. */
  letGo(): void {
    this.buffer = NO_BUFFER;
    this.#read = NO_BUFFER;
  }

  /** The answer goes on: more replies follow for the same request. */
  more = false;
  /** Which of a batch's keys a value belongs to. */
  index = 0;
  /** Bytes the whole answer needs, when the decoder knows it and they are not all there yet; else 0. */
  need = 0;
}
