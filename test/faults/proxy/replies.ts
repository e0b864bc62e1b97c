/**
 * Cuts a stream of answers into replies, and finds the parts of one: for the fault proxy, which spoils whole
 * replies. Its reading of the protocols is its own and knows nothing of the client's.
 *
 * Invariant: the replies joined are the stream. A line that it does not know is a reply of its own.
 */

/** Cuts what arrives in any pieces into whole replies, classic and meta alike. */
export class ReplySplitter {
  #unread: Buffer = Buffer.alloc(0);
  /** The unfinished reply has at least so many bytes, so there is no use in looking before. */
  #need = 0;

  push(chunk: Buffer): Buffer[] {
    this.#unread = this.#unread.length === 0 ? chunk : Buffer.concat([this.#unread, chunk]);
    const replies: Buffer[] = [];
    while (this.#unread.length > 0 && this.#unread.length >= this.#need) {
      const { end, need } = replyEnd(this.#unread);
      this.#need = need;
      if (end === undefined) break;
      replies.push(this.#unread.subarray(0, end));
      this.#unread = this.#unread.subarray(end);
      this.#need = 0;
    }
    return replies;
  }
}

const UNFINISHED = { end: undefined, need: 0 };

function replyEnd(bytes: Buffer): { end: number | undefined; need: number } {
  let from = 0;
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', from, 'latin1');
    if (lineEnd < 0) return UNFINISHED;
    const line = bytes.toString('latin1', from, lineEnd);
    const length = dataLength(line);
    const end = lineEnd + 2 + (length === undefined ? 0 : length + 2);
    if (end > bytes.length) return { end: undefined, need: end };
    const goesOn = line.startsWith('VALUE ') || line.startsWith('STAT ');
    if (!goesOn) return { end, need: 0 };
    from = end;
  }
}

/** Bytes of the data block that follows a line; `undefined` when none does. */
function dataLength(line: string): number | undefined {
  const found = /^VA (\d+)/.exec(line) ?? /^VALUE [^ ]+ -?\d+ (\d+)/.exec(line);
  return found === null ? undefined : Number(found[1]);
}

/** The first line of a reply, and the rest. */
function cut(reply: Buffer): [line: string, rest: Buffer] {
  const lineEnd = reply.indexOf('\r\n', 0, 'latin1');
  return [reply.toString('latin1', 0, lineEnd), reply.subarray(lineEnd)];
}

function withLine(reply: Buffer, change: (line: string) => string): Buffer {
  const [line, rest] = cut(reply);
  return Buffer.concat([Buffer.from(change(line), 'latin1'), rest]);
}

/** Another name of the same length, where a reply names its key (classic) or its request (meta). */
export function withWrongName(reply: Buffer): Buffer {
  return withLine(reply, (line) =>
    line
      .replace(/^(VALUE )([^ ]+)/, (_, start: string, key: string) => start + lastChanged(key))
      .replace(/( O)(\d+)/, (_, start: string, opaque: string) => start + lastChanged(opaque)),
  );
}

function lastChanged(text: string): string {
  return text.slice(0, -1) + (text.endsWith('1') ? '2' : '1');
}

/** A data block that is announced longer or shorter than it is. */
export function withWrongLength(reply: Buffer, by: number): Buffer {
  return withLine(reply, (line) =>
    line.replace(
      /^(VA |VALUE [^ ]+ -?\d+ )(\d+)/,
      (_, start: string, length: string) => start + Math.max(0, Number(length) + by),
    ),
  );
}

/** Does a reply carry a data block? */
export function hasData(reply: Buffer): boolean {
  return dataLength(cut(reply)[0]) !== undefined;
}

/**
 * Where a flipped bit must be noticed: everything but the data blocks, the flags, numbers and CAS ids, which
 * are part of what is read, and the keys of classic values, which alone say whose they are.
 */
export function guardedPositions(reply: Buffer): number[] {
  const positions: number[] = [];
  const range = (from: number, to: number) => {
    for (let i = from; i < to; i++) positions.push(i);
  };
  let from = 0;
  while (from < reply.length) {
    const lineEnd = reply.indexOf('\r\n', from, 'latin1');
    const line = reply.toString('latin1', from, lineEnd);
    if (/^(\d+|STAT |VERSION |[A-Z]+_ERROR|ERROR)/.test(line)) return positions;
    let at = from;
    for (const [index, token] of line.split(' ').entries()) {
      const isContent = line.startsWith('VALUE ') ? index === 1 || index === 2 : /^[a-z]|^[WXZ]$/.test(token);
      if (!isContent) range(at, at + token.length);
      at += token.length + 1;
    }
    range(lineEnd, lineEnd + 2);
    const length = dataLength(line);
    from = lineEnd + 2 + (length ?? 0);
    if (length === undefined) continue;
    range(from, from + 2);
    from += 2;
  }
  return positions;
}

/** One bit of a reply turned over; `random` (from 0 to below 1) says which. The reply itself where none may be. */
export function withFlippedBit(reply: Buffer, random: () => number): Buffer {
  const positions = guardedPositions(reply);
  const position = positions[Math.floor(random() * positions.length)];
  if (position === undefined) return reply;
  const flipped = Buffer.from(reply);
  flipped[position] = flipped[position]! ^ (1 << Math.floor(random() * 8));
  return flipped;
}
