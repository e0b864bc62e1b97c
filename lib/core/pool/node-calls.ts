/**
 * Calls that go to every node rather than to a key's: stats, version, flush_all. Answers are gathered by
 * node name.
 */
import { type MemcachedError, MemcachedPartialError } from '../base/errors.js';
import { type Reply, ReplyKind } from '../command/reply.js';
import { Request, type RequestSink, type Verb } from '../command/request.js';
import type { Node } from '../node/node.js';
import type { Dispatcher } from './dispatcher.js';
import { complaint } from './single-calls.js';
import type { CallOptions } from './types.js';

/** What is asked of every node, and how its answer is read. */
export interface NodeQuestion<V> {
  name: string;
  verb: Verb;
  /** The sub-group of `stats`; else empty. */
  argument: string;
  exptime: number;
  /** Makes a node's result from the text of its lines. */
  read(lines: string[]): V;
}

/** Rejects with MemcachedPartialError when a node did not answer; its maps are by node name. */
export async function askEveryNode<V>(
  question: NodeQuestion<V>,
  nodes: readonly Node[],
  dispatcher: Dispatcher,
  options: CallOptions | undefined,
): Promise<Map<string, V>> {
  const values = new Map<string, V>();
  const failed = new Map<string, MemcachedError>();
  await Promise.all(
    nodes.map(async (node) => {
      try {
        values.set(node.name, question.read(await ask(question, node, dispatcher, options)));
      } catch (error) {
        // The caller's own abort is not a node's failure.
        if (options?.signal?.aborted === true) throw options.signal.reason;
        failed.set(node.name, error as MemcachedError);
      }
    }),
  );
  const first = failed.values().next();
  if (first.done === true) return values;
  throw new MemcachedPartialError(
    `${question.name} failed for ${[...failed.keys()].join(', ')}: ${first.value.message}`,
    values,
    failed,
    { node: first.value.node, sent: first.value.sent, cause: first.value },
  );
}

function ask<V>(
  question: NodeQuestion<V>,
  node: Node,
  dispatcher: Dispatcher,
  options: CallOptions | undefined,
): Promise<string[]> {
  return new Promise((resolve, reject) => {
    if (dispatcher.closing) throw dispatcher.closed();
    node.admit(1, 0);
    const request = new Request(question.verb, question.argument, new Lines(dispatcher), resolve, reject);
    request.exptime = question.exptime;
    request.pinned = true;
    dispatcher.submit(request, node, options);
  });
}

class Lines implements RequestSink {
  readonly #lines: string[] = [];
  constructor(readonly dispatcher: Dispatcher) {}

  replied(request: Request, reply: Reply): void {
    if (reply.more) {
      this.#lines.push(reply.text);
      return;
    }
    request.settle();
    if (reply.kind >= ReplyKind.serverError && reply.kind <= ReplyKind.unknownCommand) {
      const error = complaint(request, reply);
      this.dispatcher.noteFailure(request, error);
      request.reject(error);
      return;
    }
    if (reply.kind === ReplyKind.text) this.#lines.push(reply.text);
    request.resolve(this.#lines as never);
  }

  failed(request: Request, error: MemcachedError): void {
    this.#lines.length = 0;
    if (this.dispatcher.retry(request, error)) return;
    request.settle();
    this.dispatcher.noteFailure(request, error);
    request.reject(error);
  }
}
