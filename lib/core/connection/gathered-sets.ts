/**
 * Single sets that leave together, each with the flag that keeps the server quiet about what it has stored; behind them
 * stands one that is answered by name, and the end of all answers: see `protocol/meta/quiet.ts`. Each stays its own
 * request for its caller; on the wire and in the pipeline they are one batch.
 *
 * A server stores more in the same time when it need not write a line about each. What it cannot store it still complains
 * of, but without a name: of several quiet sets only the number of those that failed is known then, and all of them fail,
 * as ones that may have been stored.
 */

import type { MemcachedError } from '../base/errors.js';
import { MemcachedServerError, withoutStack } from '../base/errors.js';
import { type Reply, ReplyKind } from '../command/reply.js';
import { type Request, Verb } from '../command/request.js';
import { batchOf, Members } from './members.js';

/** Longer values leave alone: an item of that size no server refuses for it (its -I is 1 KiB at least). */
const MOST_BYTES = 512;

export function joinsSets({ verb, bytes, patience, sink }: Request): boolean {
  return verb === Verb.set && bytes <= MOST_BYTES && patience === undefined && sink.late === undefined;
}

export function batchOfSets(members: readonly Request[]): Request {
  const batch = batchOf(Verb.setQuietly, '', new Quiet(members));
  batch.members = members;
  for (const member of members) batch.bytes += member.bytes;
  return batch;
}

class Quiet extends Members {
  #complaints = 0;
  #kind: ReplyKind = ReplyKind.done;
  #text = '';
  #confirmed = false;

  replied(batch: Request, reply: Reply): void {
    if (reply.kind !== ReplyKind.done) {
      this.#complaints++;
      this.#kind = reply.kind;
      this.#text = reply.text;
      return;
    }
    const last = this.members.length - 1;
    if (reply.more) {
      // The one with a name is stored, so what was complained of before are others.
      this.#confirmed = true;
      this.#tellQuiet(last, batch, reply);
      this.tell(this.members[last]!, reply);
    } else if (!this.#confirmed) {
      // The last complaint was about the one with a name.
      this.#complaints--;
      this.#tellQuiet(last, batch, reply);
      reply.kind = this.#kind;
      reply.text = this.#text;
      this.tell(this.members[last]!, reply);
      reply.kind = ReplyKind.done;
    }
  }

  #tellQuiet(count: number, batch: Request, reply: Reply): void {
    reply.more = false;
    if (this.#complaints > 0) {
      const error = this.#oneOf(count, batch);
      for (const member of this.members.slice(0, count))
        if (!member.settled) member.sink.failed(member, error);
      return;
    }
    for (let at = 0; at < count; at++) this.tell(this.members[at]!, reply);
  }

  #oneOf(count: number, batch: Request): MemcachedError {
    const node = batch.holder?.name;
    return withoutStack(
      () =>
        new MemcachedServerError(
          `${node} answered ${this.#complaints} of ${count} sets of one write with SERVER_ERROR ${this.#text}; it does not say which.`,
          { node, sent: 'maybe' },
        ),
    );
  }
}
