/**
 * Answers to many sets of a server that knows meta, all but the last with the `q` flag: the server says nothing about
 * what it has stored (protocol.txt, Meta Set: "q: noreply semantics for return codes"). The last is answered with its
 * opaque, and an `mn` behind it with `MN`.
 *
 * Invariant: the quiet ones are told to be stored only once an answer has named the request, and it is over only at
 * `MN`. Complaints name nobody: those before the named answer are about quiet ones; without a named answer the last
 * complaint is about the one that asked for it.
 */
import { type Reply, ReplyKind } from '../../command/reply.js';
import type { Request } from '../../command/request.js';
import { CR, LF } from '../bytes.js';
import { Doubt, NEED_MORE } from '../protocol.js';
import { decodeMeta } from './decode.js';

/** In place of the number of complaints in the request's `cursor`, once the named answer was read. */
const NAMED = -1;

const MN = (0x4d << 8) | 0x4e;

/** Reads a complaint, the named answer or the end; all but the end go on (`more`). */
export function decodeQuiet(
  request: Request,
  opaque: number,
  bytes: Buffer,
  from: number,
  to: number,
  reply: Reply,
): number {
  if (to - from < 4) return NEED_MORE;
  const complaints = request.cursor;
  if (((bytes[from]! << 8) | bytes[from + 1]!) === MN) {
    if (bytes[from + 2] !== CR || bytes[from + 3] !== LF)
      throw new Doubt('an answer of more than two letters');
    if (complaints === 0) throw new Doubt('nothing confirms many sets');
    reply.kind = ReplyKind.done;
    return from + 4;
  }
  const next = decodeMeta(request, opaque, bytes, from, to, reply, 0);
  if (next === NEED_MORE) return NEED_MORE;
  const isNamed = reply.kind === ReplyKind.done;
  const possible = request.members!.length - (isNamed ? 1 : 0);
  if (complaints === NAMED || complaints + (isNamed ? 0 : 1) > possible) {
    throw new Doubt('many sets are answered more often than there are');
  }
  request.cursor = isNamed ? NAMED : complaints + 1;
  reply.more = true;
  return next;
}
