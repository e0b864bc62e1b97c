/**
 * A real connection on a socket that is none: what it writes is kept, and what it reads is fed to it in pieces
 * chosen by the test. The test that uses it must mock `open-socket.js` by {@link fakeSocket}.
 */
import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import type { MemcachedError } from '../../../lib/core/base/errors.js';
import { Turn } from '../../../lib/core/base/turn.js';
import { type Reply, ReplyKind } from '../../../lib/core/command/reply.js';
import { Phase, Request, type RequestSink, type Verb } from '../../../lib/core/command/request.js';
import { Connection } from '../../../lib/core/connection/connection.js';
import type { CloseReason, ConnectionOwner } from '../../../lib/core/connection/contract.js';
import type { SocketReader, TlsSettings } from '../../../lib/core/connection/open-socket.js';
import { ClassicProtocol, MetaProtocol } from '../../../lib/core/protocol/text-protocols.js';
import { ManualClock } from '../../../lib/testing/index.js';

export const MAX_VALUE_BYTES = 1_048_576;

/** Everything of a socket that a connection uses. */
class FakeSocket extends EventEmitter {
  written = '';
  readonly writableLength = 0;
  connecting = false;
  destroyed = false;

  constructor(
    readonly reader: SocketReader,
    readonly connected: () => void,
  ) {
    super();
  }

  get bytesWritten(): number {
    return this.written.length;
  }

  write(part: string | Uint8Array, ...rest: unknown[]): boolean {
    this.written += typeof part === 'string' ? part : Buffer.from(part).toString('latin1');
    const done = rest.at(-1);
    if (typeof done === 'function') queueMicrotask(done as () => void);
    return true;
  }

  cork(): void {}
  uncork(): void {}

  destroy(): void {
    this.destroyed = true;
  }
}

let latest: FakeSocket;

/** Stands in for `openSocket`. */
export function fakeSocket(
  _address: unknown,
  _tls: unknown,
  reader: SocketReader,
  connected: () => void,
): Socket {
  latest = new FakeSocket(reader, connected);
  return latest as unknown as Socket;
}

export type Ask = [verb: Verb, key: string, fields?: Partial<Request>];

/** What a request was told, in words that can be compared. */
type Told = string;

export class FedConnection implements RequestSink, ConnectionOwner<Connection> {
  readonly told: Told[][] = [];
  readonly clock = new ManualClock();
  readonly connection: Connection;
  closed: CloseReason | undefined;
  /** Of what was outstanding when it closed, how many had not left. */
  unsent = 0;
  slots = 0;
  /** Bytes of what is outstanding. */
  bytes = 0;
  readonly #socket: FakeSocket;
  readonly #indexOf = new Map<Request, number>();
  /** Where the connection reads, and the most it ever asked for. */
  #target: Uint8Array = new Uint8Array();
  mostBuffered = 0;

  constructor(dialect: 'meta' | 'classic', gather = false, tls: TlsSettings = false) {
    const turn = new Turn(this.clock);
    const meta = new MetaProtocol(MAX_VALUE_BYTES);
    const classic = new ClassicProtocol(MAX_VALUE_BYTES);
    this.connection = new Connection(
      {
        pool: 'fed',
        node: 'fed:1',
        address: { host: 'fed', port: 1 },
        tls,
        auth: undefined,
        protocol: dialect,
        connectTimeout: 500,
        turn,
        gather,
        protocolFor: (spoken) => (spoken === 'meta' ? meta : classic),
      },
      this,
      false,
    );
    this.#socket = latest;
    this.#socket.connected();
    const [, probe] = /^mg (\S+)/.exec(this.#socket.written) ?? [];
    this.feed(Buffer.from(probe === undefined ? 'VERSION 1.6.18\r\n' : `EN k${probe} O1\r\n`));
    this.#socket.written = '';
  }

  /** Sends requests and ends the turn; returns what was written so far. */
  ask(asks: readonly Ask[]): string {
    this.dispatch(asks);
    this.connection.endTurn();
    return this.#socket.written;
  }

  /** Sends requests while the turn goes on; returns what was written so far. */
  dispatch(asks: readonly Ask[]): string {
    for (const [verb, key, fields] of asks) {
      const request = Object.assign(
        new Request(
          verb,
          key,
          this,
          () => {},
          () => {},
        ),
        fields,
      );
      this.#indexOf.set(request, this.told.length);
      this.told.push([]);
      this.slots += request.slots;
      this.bytes += request.bytes;
      this.connection.dispatch(request);
    }
    return this.#socket.written;
  }

  /** Hands over bytes as the kernel would: as much at once as there is room for. */
  feed(bytes: Buffer): void {
    let from = 0;
    while (from < bytes.length && !this.#socket.destroyed) {
      this.#target = this.#socket.reader.buffer() ?? this.#target;
      this.mostBuffered = Math.max(this.mostBuffered, this.#target.length);
      const count = Math.min(bytes.length - from, this.#target.length);
      if (count === 0) throw new Error('There is no room to read into.');
      this.#target.set(bytes.subarray(from, from + count));
      from += count;
      this.#socket.reader.read(count);
    }
  }

  /** Whoever asked for these, counted from the first one ever asked, waits no longer. */
  giveUp(...indices: number[]): void {
    for (const [request, index] of this.#indexOf) if (indices.includes(index)) request.settled = true;
  }

  end(): void {
    this.#socket.emit('end');
  }

  // ---- what the connection tells ----

  replied(request: Request, reply: Reply): void {
    this.#tell(request, describe(reply));
    if (!reply.more) request.settle();
  }

  failed(request: Request, error: MemcachedError): void {
    this.#tell(request, error.code);
    request.settle();
  }

  connectionReady(): void {}
  connectionWritable(): void {}
  gathersSets = true;
  setsRefused(): void {
    this.gathersSets = false;
  }
  answersRead(): void {}
  slotsFreed(slots: number, bytes: number): void {
    this.slots -= slots;
    this.bytes -= bytes;
  }

  connectionClosed(_connection: Connection, reason: CloseReason, outstanding: Request[]): void {
    this.closed = reason;
    if (reason.kind === 'ask-as-proxy') throw new Error('It was ready already.');
    const unsent = outstanding.filter(({ phase }) => phase === Phase.waiting);
    this.unsent = unsent.reduce((sum, { slots }) => sum + slots, 0);
    for (const request of outstanding) request.sink.failed(request, reason.error);
  }

  #tell(request: Request, told: Told): void {
    this.told[this.#indexOf.get(request)!]!.push(told);
  }
}

/** What leaves for this turn alone, which ends by itself, or a round later. */
export async function leaves(fed: FedConnection, asks: readonly Ask[]): Promise<string> {
  const before = fed.dispatch([]).length;
  fed.dispatch(asks);
  for (let rounds = 0; rounds < 2; rounds++) await new Promise((resolve) => setImmediate(resolve));
  return fed.dispatch([]).slice(before);
}

const KIND_NAMES = Object.keys(ReplyKind);

/** The end of what was told of an answer of which more is to come. */
export const GOES_ON = ' …';

function describe(reply: Reply): string {
  return inWords(reply) + (reply.more ? GOES_ON : '');
}

function inWords(reply: Reply): string {
  const kind = KIND_NAMES[reply.kind]!;
  if (reply.kind === ReplyKind.value) {
    const body = reply.buffer.toString('latin1', reply.start, reply.end);
    return `${kind} ${reply.index} f${reply.flags} c${reply.cas ?? ''} t${reply.ttlSeconds} ${body}`;
  }
  const hasText = reply.kind >= ReplyKind.number && reply.kind !== ReplyKind.unknownCommand;
  return hasText ? `${kind} ${reply.text}` : kind;
}
