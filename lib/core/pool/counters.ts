/**
 * incr and decr that make a missing counter. The server's own way to do that in one step leaves an item
 * without flags, which would read as text afterwards; so a missing counter is added as the number it is.
 *
 * Invariant: the step that counts is sent at most once; only the add, which changes nothing when somebody
 * was faster, leads to a second one.
 */
import type { MemcachedError } from '../base/errors.js';
import { type Reply, ReplyKind } from '../command/reply.js';
import { Request, type RequestSink, Verb } from '../command/request.js';
import type { Codec } from '../value/codec.js';
import type { Dispatcher } from './dispatcher.js';

/** A counter can expire between two steps, but not for ever. */
const MOST_ROUNDS = 3;

export class VivifyingCounter implements RequestSink {
  #rounds = 0;

  constructor(
    /** Gets every answer that ends the call. */
    readonly calls: RequestSink,
    readonly codec: Codec,
    readonly dispatcher: Dispatcher,
    /** The counting request that is sent first, and again after somebody else was faster. */
    readonly first: { verb: Verb; initial: number | bigint; exptime: number },
  ) {}

  /** See {@link RequestSink}. */
  replied(request: Request, reply: Reply): void {
    const counted = request.verb !== Verb.add;
    if (counted && reply.kind === ReplyKind.miss) this.#next(request, this.#adding(request));
    else if (!counted && reply.kind === ReplyKind.done) {
      request.settle();
      const { initial } = this.first;
      request.resolve((request.tag === 'bigint' ? BigInt(initial) : Number(initial)) as never);
    } else if (!counted && reply.kind === ReplyKind.notStored) this.#next(request, this.#counting(request));
    else this.calls.replied(request, reply);
  }

  /** See {@link RequestSink}. */
  failed(request: Request, error: MemcachedError): void {
    this.calls.failed(request, error);
  }

  #adding(request: Request): Request {
    const { initial, exptime } = this.first;
    const add = new Request(Verb.add, request.key, this, request.resolve, request.onFailure);
    const encoded = this.codec.encode(typeof initial === 'bigint' ? Number(initial) : initial);
    add.body = String(initial);
    add.bytes = add.body.length;
    add.flags = encoded.flags;
    add.exptime = exptime;
    return add;
  }

  #counting(request: Request): Request {
    return new Request(this.first.verb, request.key, this, request.resolve, request.onFailure);
  }

  /** The next step, within the same call's time. */
  #next(done: Request, next: Request): void {
    next.delta = done.delta;
    next.tag = done.tag;
    done.settled = true;
    if (++this.#rounds > MOST_ROUNDS * 2) {
      done.settle();
      done.resolve(undefined as never);
      return;
    }
    try {
      this.dispatcher.follow(done, next);
    } catch (error) {
      done.settle();
      done.reject(error);
    }
  }
}
