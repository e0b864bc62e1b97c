/**
 * Answers to many gets of a server that knows meta: the list of values of a classic `get k1 k2 ...`, and behind it the
 * answer to a `mg`, which carries the request's opaque.
 *
 * Invariant: values name their keys; what is not in the list is told to be a miss only once the answer behind the list
 * has named the request.
 */
import { type Reply, ReplyKind } from '../../command/reply.js';
import type { Request } from '../../command/request.js';
import { decodeClassic } from '../classic/decode.js';
import { Doubt, NEED_MORE } from '../protocol.js';
import { decodeMeta } from './decode.js';

/**
 * Reads a value of the list; its end, as a miss of all that had no value; or the answer behind it. All but that one
 * go on (`more`). A complaint about the list takes the place of its end.
 */
export function decodeConfirmed(
  request: Request,
  opaque: number,
  bytes: Buffer,
  from: number,
  to: number,
  reply: Reply,
  maxValueBytes: number,
): number {
  const listed = request.keys!.length;
  if (request.cursor > listed) {
    reply.index = listed;
    return decodeMeta(request, opaque, bytes, from, to, reply, maxValueBytes);
  }
  const next = decodeClassic(request, bytes, from, to, reply, maxValueBytes);
  if (next === NEED_MORE || reply.kind === ReplyKind.value) return next;
  if (reply.kind === ReplyKind.miss) {
    const end = decodeMeta(request, opaque, bytes, next, to, reply, maxValueBytes);
    if (end === NEED_MORE) {
      if (reply.need > 0) reply.need += next - from;
      return NEED_MORE;
    }
    if (reply.kind >= ReplyKind.serverError) throw new Doubt('nothing confirms the end of a list');
    reply.kind = ReplyKind.miss;
  }
  request.cursor = listed + 1;
  reply.more = true;
  return next;
}
