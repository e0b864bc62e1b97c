/** Vocabulary for tests of the protocols: requests without a pool, answers without a socket. */
import { Reply, ReplyKind } from '../../../lib/core/command/reply.js';
import { Request, Verb } from '../../../lib/core/command/request.js';
import { NEED_MORE, type Protocol } from '../../../lib/core/protocol/protocol.js';
import { ClassicProtocol, MetaProtocol } from '../../../lib/core/protocol/text-protocols.js';
import { WireWriter } from '../../../lib/core/protocol/wire-writer.js';

export const MAX_VALUE = 1_000_000;
export const meta = new MetaProtocol(MAX_VALUE);
export const classic = new ClassicProtocol(MAX_VALUE);

const sink = { replied: () => {}, failed: () => {} };

type Facts = Partial<
  Pick<
    Request,
    'keys' | 'members' | 'body' | 'bytes' | 'flags' | 'exptime' | 'cas' | 'delta' | 'initial' | 'tokens'
  >
>;

export function request(verb: keyof typeof Verb, key = 'k', facts: Facts = {}): Request {
  const made = new Request(
    Verb[verb],
    key,
    sink,
    () => {},
    () => {},
  );
  return Object.assign(made, facts);
}

/** What goes on the wire for a request, one character per byte; `undefined` when there is no such command. */
export function wire(protocol: Protocol, asked: Request, opaque = 7): string | undefined {
  const writer = new WireWriter();
  if (!protocol.encode(asked, opaque, writer)) {
    if (writer.bytes > 0) throw new Error('something was written for a command there is not');
    return undefined;
  }
  return Buffer.concat(
    writer.take().map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : part)),
  ).toString('latin1');
}

/** A reply as plain facts, only those that its kind has. */
export interface Decoded {
  kind: keyof typeof ReplyKind;
  [fact: string]: unknown;
}

const KIND_NAMES = Object.keys(ReplyKind) as (keyof typeof ReplyKind)[];

function facts(reply: Reply): Decoded {
  const kind = KIND_NAMES[reply.kind]!;
  if (reply.kind === ReplyKind.value) {
    return { kind, flags: reply.flags, body: reply.buffer.toString('latin1', reply.start, reply.end) };
  }
  return reply.kind >= ReplyKind.number ? { kind, text: reply.text } : { kind };
}

/** Everything that is in `bytes`, as the answer to one request, and whether more is awaited. */
export interface Outcome {
  replies: Decoded[];
  /** Bytes behind the answer's end. */
  rest: string;
  complete: boolean;
}

/**
 * Feeds `pieces` one after the other, as a socket would, each decode starting with what was not consumed.
 * Every buffer has other bytes around what has arrived, so that reading beyond it shows.
 */
export function decode(
  protocol: Protocol,
  asked: Request,
  pieces: readonly string[],
  opaque = 7,
  read: (reply: Reply) => Decoded = facts,
): Outcome {
  const reply = new Reply();
  const replies: Decoded[] = [];
  let unread = '';
  let complete = false;
  for (const piece of pieces) {
    unread += piece;
    while (!complete) {
      const before = 'O7\r\n';
      const bytes = Buffer.from(`${before}${unread}\r\nEND\r\n O7\r\n`, 'latin1');
      const to = before.length + unread.length;
      const next = protocol.decode(asked, opaque, bytes, before.length, to, reply);
      if (next === NEED_MORE) {
        if (reply.need > 0 && reply.need <= unread.length) throw new Error('it asks for less than there is');
        break;
      }
      if (next > to) throw new Error('it took more than there was');
      replies.push(read(reply));
      unread = unread.slice(next - before.length);
      complete = !reply.more;
    }
  }
  return { replies, rest: unread, complete };
}

/** All ways to cut a stream in two, and the one that cuts it at every byte. */
export function splits(stream: string): string[][] {
  const cuts = Array.from({ length: stream.length - 1 }, (_, i) => [
    stream.slice(0, i + 1),
    stream.slice(i + 1),
  ]);
  return [...cuts, [...stream]];
}
