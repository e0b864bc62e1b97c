/** Requests of several callers that are one on the wire and in the pipeline: what every such batch has in common. */
import type { MemcachedError } from '../base/errors.js';
import type { Reply } from '../command/reply.js';
import { Phase, Request, type RequestSink, type Verb } from '../command/request.js';

/** Hears the end of a batch and tells its members, those who gave up excepted. */
export abstract class Members implements RequestSink {
  constructor(readonly members: readonly Request[]) {}

  abstract replied(batch: Request, reply: Reply): void;

  protected tell(member: Request, reply: Reply): void {
    if (!member.settled) member.sink.replied(member, reply);
  }

  failed(batch: Request, error: MemcachedError): void {
    for (const member of this.members) {
      member.phase = batch.phase;
      if (!member.settled) member.sink.failed(member, error);
    }
  }
}

/** One request for all of them, with the deadline and the holder of the first; their bytes are about to leave. */
export function batchOf(verb: Verb, key: string, sink: Members): Request {
  const { members } = sink;
  const batch = new Request(verb, key, sink, ignore, ignore);
  batch.deadline = members[0]!.deadline;
  batch.holder = members[0]!.holder;
  for (const member of members) member.phase = Phase.sent;
  return batch;
}

function ignore(): void {}
