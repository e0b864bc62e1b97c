/**
 * What becomes of the answer to a call for one key: turns replies into values and complaints into errors,
 * and settles the caller's promise.
 */

import {
  type MemcachedError,
  type MemcachedErrorFacts,
  MemcachedProtocolError,
  MemcachedServerError,
  MemcachedTooLargeError,
  MemcachedUnsafeNumberError,
  MemcachedUnsupportedError,
  withoutStack,
} from '../base/errors.js';
import { type Reply, ReplyKind } from '../command/reply.js';
import { type Request, type RequestSink, Verb, verbName } from '../command/request.js';
import type { Codec } from '../value/codec.js';
import type { Dispatcher } from './dispatcher.js';
import { LeaseItem } from './lease-item.js';
import type { CasOutcome, LeaseRead, Versioned } from './types.js';

export class SingleCalls implements RequestSink {
  readonly #codec: Codec;
  readonly #dispatcher: Dispatcher;

  constructor(codec: Codec, dispatcher: Dispatcher) {
    this.#codec = codec;
    this.#dispatcher = dispatcher;
  }

  /** See {@link RequestSink}. */
  replied(request: Request, reply: Reply): void {
    request.settle();
    try {
      request.resolve(this.#result(request, reply) as never);
    } catch (error) {
      this.#reject(request, error);
    }
  }

  /** See {@link RequestSink}. */
  failed(request: Request, error: MemcachedError): void {
    if (this.#dispatcher.retry(request, error)) return;
    request.settle();
    this.#reject(request, error);
  }

  #reject(request: Request, error: unknown): void {
    this.#dispatcher.noteFailure(request, error);
    request.reject(error);
  }

  #result(request: Request, reply: Reply): unknown {
    switch (reply.kind) {
      case ReplyKind.value:
        return this.#read(request, reply);
      case ReplyKind.miss:
        return onMiss(request);
      case ReplyKind.done:
        return isUnchanged(request) ? toLeaseRead(request, reply, undefined) : onDone(request);
      case ReplyKind.notStored:
        return request.verb === Verb.cas || request.verb === Verb.metaSet ? 'missing' : false;
      case ReplyKind.exists:
        return 'exists' satisfies CasOutcome;
      case ReplyKind.number:
        return toCount(reply.text, request.tag === 'bigint', request);
      default:
        throw complaint(request, reply);
    }
  }

  /** What a read by {@link Verb.peek} found, for calls for many keys. */
  peeked(request: Request, reply: Reply): LeaseRead<unknown> | undefined {
    return reply.kind === ReplyKind.value ? (this.#read(request, reply) as LeaseRead<unknown>) : undefined;
  }

  #read(request: Request, reply: Reply): unknown {
    const isStub = reply.flags === 0 && reply.start === reply.end;
    switch (request.verb) {
      case Verb.metaGet:
      case Verb.peek:
        return toLeaseRead(request, reply, isStub ? undefined : readValue(this.#codec, reply));
      case Verb.gets:
        return isStub ? undefined : versioned(request, reply, readValue(this.#codec, reply));
      default:
        // Foreign clients can leave an item of no bytes and no flags; so does a lease. Neither is a value.
        return isStub ? undefined : readValue(this.#codec, reply);
    }
  }
}

/** The value a reply carries, in the caller's own memory. */
export function readValue(codec: Codec, reply: Reply): unknown {
  return reply.owned
    ? codec.decodeOwned(reply.flags, reply.buffer, reply.start, reply.end)
    : codec.decode(reply.flags, reply.buffer, reply.start, reply.end, reply);
}

function versioned(request: Request, reply: Reply, value: unknown): Versioned<unknown> {
  const { cas } = reply;
  if (cas !== undefined) return { value, cas };
  const node = request.holder?.name;
  // A token made up here could let a later cas overwrite what it should not.
  throw new MemcachedProtocolError(`${node} gave a value without the CAS id that was asked for.`, {
    node,
    sent: 'maybe',
  });
}

function toLeaseRead(request: Request, reply: Reply, value: unknown): LeaseRead<unknown> {
  return new LeaseItem(reply, request.holder?.name ?? '', value);
}

/** The answer to a read that named the CAS id it knows. */
function isUnchanged({ verb }: Request): boolean {
  return verb === Verb.metaGet || verb === Verb.peek;
}

function onMiss(request: Request): unknown {
  switch (request.verb) {
    case Verb.cas:
    case Verb.metaSet:
    case Verb.metaDelete:
      return 'missing';
    case Verb.delete:
    case Verb.touch:
      return false;
    default:
      return undefined;
  }
}

function onDone(request: Request): unknown {
  switch (request.verb) {
    case Verb.set:
    case Verb.flushAll:
      return undefined;
    case Verb.cas:
    case Verb.metaSet:
    case Verb.metaDelete:
      return 'stored';
    default:
      return true;
  }
}

function toCount(digits: string, asBigint: boolean, request: Request): number | bigint {
  const exact = BigInt(digits);
  if (asBigint) return exact;
  if (exact > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw new MemcachedUnsafeNumberError(exact, { node: request.holder?.name });
  }
  return Number(exact);
}

/** What the server said against one request, as an error. */
export function complaint(request: Request, reply: Reply): MemcachedError {
  const node = request.holder?.name;
  const facts: MemcachedErrorFacts = { node, sent: 'maybe' };
  const verb = verbName(request.verb);
  return withoutStack(() => {
    if (reply.kind === ReplyKind.unknownCommand) {
      return new MemcachedUnsupportedError(`${node} does not know the command of ${verb}.`, facts);
    }
    if (/^object too large/.test(reply.text)) {
      return new MemcachedTooLargeError(
        `${node} refused a value of ${request.bytes} bytes as too large and dropped what it had under the key; raise its -I or lower maxItemSize.`,
        facts,
      );
    }
    const kind = reply.kind === ReplyKind.serverError ? 'SERVER_ERROR' : 'CLIENT_ERROR';
    return new MemcachedServerError(`${node} answered ${verb} with ${kind} ${reply.text}`.trimEnd(), facts);
  });
}
