/**
 * One socket to one node. Requests leave in the order they arrive and answers come back in the same order,
 * so the head of `#awaiting` owns the next answer. If that stops being true the connection closes: a wrong
 * value is worse than no value. Choosing a socket, blacklisting and retrying belong to the layers above.
 */
import type { Socket } from 'node:net';
import { Alarm, afterReading } from '../base/alarm.js';
import { socketChannel } from '../base/channels.js';
import {
  MemcachedConnectionError,
  MemcachedProtocolError,
  MemcachedTimeoutError,
  MemcachedUnsupportedError,
} from '../base/errors.js';
import { Fifo } from '../base/fifo.js';
import type { Turn } from '../base/turn.js';
import { Reply, ReplyKind } from '../command/reply.js';
import { hasBody, Phase, type Request, Verb, verbName } from '../command/request.js';
import { Doubt, MAX_LINE_BYTES, NEED_MORE, OPAQUE_MASK, type Protocol } from '../protocol/protocol.js';
import { WireWriter } from '../protocol/wire-writer.js';
import {
  type CloseReason,
  CONNECTION_MOVES,
  type ConnectionOwner,
  type ConnectionSettings,
  type ConnectionState,
} from './contract.js';
import { Delay } from './delay.js';
import { Gathered } from './gathered.js';
import { type Dialect, Handshake, type HandshakeStep } from './handshake.js';
import { Inbox } from './inbox.js';
import { openSocket, type SocketReader } from './open-socket.js';
import { type Outbox, PlainOutbox, RecordOutbox, STACK_BYTES } from './outbox.js';

/** An unfinished answer of this size makes a socket busy with something long. */
const LONG_ANSWER_BYTES = 64 * 1_024;

/** More than the line of a command takes, its key included. */
const LINE_BYTES = 350;

/**
 * So many are worth a write of their own before the turn ends: the server begins while the rest is still asked. What
 * follows them in the turn may go together: see {@link Gathered}.
 */
const MOST_UNFLUSHED = 128;

/** So many are, too, while their text just fits: see {@link STACK_BYTES}. Longer ones leave together, as ever. */
const MANY_UNFLUSHED = 64;
/** With no room for another that is as long as most of them may be. */
const NEARLY_STACK_BYTES = STACK_BYTES - 2_048;

export class Connection implements SocketReader {
  state: ConnectionState = 'opening';
  dialect: Dialect | undefined;
  /** It is in the middle of an answer that takes long to arrive. */
  receivingLong = false;
  /** When it was begun to be opened, on the clock. */
  readonly openedAt: number;
  /** When the last byte arrived, on the clock. */
  lastByteAt: number;
  /** When it was last without anything outstanding, or got its first request after that. */
  busySince: number;

  readonly #settings: ConnectionSettings;
  readonly #owner: ConnectionOwner<Connection>;
  readonly #turn: Turn;
  readonly #socket: Socket;
  readonly #handshake: Handshake;
  readonly #inbox = new Inbox();
  readonly #writer = new WireWriter();
  readonly #outbox: Outbox;
  /** Commands must not share a TLS record in part: see `outbox.ts`. */
  readonly #aligned: boolean;
  readonly #reply = new Reply();
  /** Written, or about to be at the turn's end, and not yet answered; oldest first. Never reordered: the order is the protocol. */
  readonly #awaiting = new Fifo<Request>();
  #protocol!: Protocol;
  /** Where gets, and sets, may be sent as one. */
  #gatherable: Gathered | undefined;
  /** The same, while they are: always on servers without meta, on others from the turn that brings very many. */
  #gathered: Gathered | undefined;
  /** Opaque of the next request, and of the head of `#awaiting`. */
  #nextOpaque = 0;
  #headOpaque = 0;
  /** How many at the tail of `#awaiting` have no byte on the socket yet. */
  #unflushed = 0;
  /** How many at the head of `#awaiting` have been looked at by {@link expire} and need no second look. */
  #expired = 0;
  #inTurn = false;
  readonly #delay: Delay;
  readonly #connectAlarm: Alarm;

  constructor(settings: ConnectionSettings, owner: ConnectionOwner<Connection>, knownProxy: boolean) {
    this.#settings = settings;
    this.#owner = owner;
    this.#turn = settings.turn;
    this.#delay = new Delay(settings.turn.clock);
    this.openedAt = this.lastByteAt = this.busySince = this.#turn.now();
    const { protocol, auth } = settings;
    this.#handshake = new Handshake(settings.node, { protocol, auth, knownProxy });
    this.#socket = openSocket(settings.address, settings.tls, this, () => this.#connected());
    this.#socket.on('error', (error) => this.#lost(error));
    this.#socket.on('end', () => this.#lost(undefined));
    this.#socket.on('close', () => this.#lost(undefined));
    const drained = () => this.#drained();
    this.#aligned = settings.tls !== false;
    this.#outbox = this.#aligned
      ? new RecordOutbox(this.#socket, drained)
      : new PlainOutbox(this.#socket, drained);
    this.#connectAlarm = new Alarm(this.#turn.clock, () => this.#connectTimedOut());
    this.#connectAlarm.set(settings.connectTimeout);
  }

  /** Requests that hold a place in the pipeline, those given up by their callers included. */
  get outstanding(): number {
    return this.#awaiting.size;
  }

  /** The send buffer is full; what is dispatched now would pile up in memory. */
  get blocked(): boolean {
    return this.#outbox.isFull;
  }

  /** Busy with something long, so that small requests had better go elsewhere. */
  get isLong(): boolean {
    return this.blocked || this.receivingLong;
  }

  // ---- writing ----

  /** Takes a request whose slots the owner has counted. Only while `ready`. */
  dispatch(request: Request): void {
    if (!this.#inTurn) {
      this.#inTurn = true;
      this.#turn.atEnd(this);
    }
    const gathered = this.#gathered;
    if (gathered !== undefined) {
      if (gathered.add(request)) {
        if (gathered.isFull) this.#sendGathered(gathered);
        return;
      }
      this.#sendGathered(gathered);
    }
    this.#enqueue(request);
  }

  #sendGathered(gathered: Gathered): void {
    const isWorthWriting = gathered.isWorthWriting;
    for (const request of gathered.take()) this.#enqueue(request);
    if (isWorthWriting) this.#flush();
  }

  #enqueue(request: Request): void {
    const opaque = this.#nextOpaque;
    if (this.#aligned) this.#writer.align(request.bytes + LINE_BYTES * request.slots);
    if (!this.#protocol.encode(request, opaque, this.#writer)) {
      this.#refuse(request);
      return;
    }
    if (this.#aligned) this.#writer.align(0);
    this.#nextOpaque = (opaque + 1) & OPAQUE_MASK;
    if (this.#awaiting.size === 0) {
      this.busySince = this.#turn.now();
      this.#headOpaque = opaque;
    }
    request.phase = Phase.sent;
    this.#awaiting.push(request);
    const unflushed = ++this.#unflushed;
    if (unflushed >= MOST_UNFLUSHED || (unflushed >= MANY_UNFLUSHED && this.#justFits())) {
      this.#flush();
      this.#gather();
    }
  }

  /** From now on, until a turn brings few. */
  #gather(): void {
    const gatherable = this.#gatherable;
    if (gatherable === undefined || this.#gathered !== undefined) return;
    gatherable.takesSets = !this.#aligned && this.#owner.gathersSets;
    this.#gathered = gatherable;
  }

  #justFits(): boolean {
    const { bytes } = this.#writer;
    return bytes > NEARLY_STACK_BYTES && bytes <= STACK_BYTES;
  }

  #refuse(request: Request): void {
    this.#owner.slotsFreed(request.slots, request.bytes);
    request.sink.failed(
      request,
      new MemcachedUnsupportedError(
        `${this.#settings.node} has no ${verbName(request.verb)}: ${
          this.dialect === 'proxy'
            ? 'it is a proxy that closes the connection at it'
            : `it needs the meta protocol, and the node speaks ${this.#protocol.name}`
        }.`,
        { node: this.#settings.node },
      ),
    );
  }

  /** Writes what was gathered, now or a little later and more at once: see {@link Delay}. */
  endTurn(): void {
    this.#inTurn = false;
    if (this.state === 'closed') return;
    const gathered = this.#gathered;
    if (gathered !== undefined) {
      this.#sendGathered(gathered);
      if (!gathered.endTurn() && gathered.meta) this.#gathered = undefined;
    }
    if (this.#delay.active || this.#unflushed === 0) return;
    const onWire = this.#awaiting.size - this.#unflushed;
    if (this.#delay.begin(this.#unflushed, this.#writer.bytes, onWire)) {
      this.#turn.clock.setImmediate(this.#endRound);
    } else {
      this.#flush();
    }
  }

  readonly #endRound = (): void => {
    const onWire = this.#awaiting.size - this.#unflushed;
    const goesOn = this.#delay.goesOn(this.#unflushed, this.#writer.bytes, onWire);
    if (this.state === 'closed') return;
    if (goesOn) this.#turn.clock.setImmediate(this.#endRound);
    else this.#flush();
  };

  #flush(): void {
    this.#unflushed = 0;
    this.#outbox.send(this.#writer);
  }

  #drained(): void {
    if (this.state !== 'closed') this.#owner.connectionWritable(this);
  }

  // ---- reading ----

  /** See {@link SocketReader}. */
  buffer(): Uint8Array | undefined {
    return this.#inbox.lend();
  }

  /** See {@link SocketReader}. Never throws: whatever is wrong with the bytes closes the connection. */
  read(count: number): void {
    if (this.state === 'closed') return;
    this.lastByteAt = this.#turn.clock.now();
    this.#inbox.received(count);
    try {
      if (this.state === 'opening') this.#readHandshake();
      else this.#readAnswers();
    } catch (error) {
      if (!(error instanceof Doubt)) throw error;
      if (this.#awaiting.peek()?.verb === Verb.setQuietly) this.#refuseSets();
      this.#close({
        kind: 'doubt',
        error: new MemcachedProtocolError(
          `${this.#settings.node} sent something that cannot be right: ${error.message}. The connection was closed.`,
          { node: this.#settings.node, sent: 'maybe' },
        ),
      });
    }
  }

  #readAnswers(): void {
    const inbox = this.#inbox;
    const reply = this.#reply;
    const awaiting = this.#awaiting;
    const { bytes, to } = inbox;
    let from = inbox.from;
    let need = 0;
    let inTime = false;
    reply.owned = inbox.dedicated;
    reply.readFrom(bytes, from, to);
    while (from < to) {
      const head = awaiting.peek();
      if (head === undefined) throw new Doubt('bytes that nobody asked for');
      const listed = head.keys === undefined ? from : this.#readListed(head, head.keys, from);
      if (listed > from) {
        inTime = true;
        from = listed;
        if ((this.state as ConnectionState) === 'closed') return;
        continue;
      }
      const next = this.#protocol.decode(head, this.#headOpaque, bytes, from, to, reply);
      if (next === NEED_MORE) {
        need = reply.need;
        if (need === 0 && to - from > MAX_LINE_BYTES) throw new Doubt('a line that does not end');
        break;
      }
      from = next;
      if (!reply.more) this.#shift(head);
      if (!head.settled) {
        inTime = true;
        head.sink.replied(head, reply);
      } else if (head.sink.late !== undefined) {
        head.sink.late(head, reply);
      }
      if (reply.kind >= ReplyKind.serverError) this.#judgeComplaint(head, reply);
      if ((this.state as ConnectionState) === 'closed') return;
    }
    // What was handed out belongs to the caller alone now.
    reply.letGo();
    inbox.from = from;
    inbox.settle(need);
    this.receivingLong = need > LONG_ANSWER_BYTES;
    this.#owner.answersRead(this, inTime);
    if (this.state === 'draining' && awaiting.size === 0) this.#finishDraining();
  }

  /**
   * Reads and tells values of a list for as long as they come as they mostly do.
   * @returns where the first begins that does not, or whatever stands there
   */
  #readListed(list: Request, keys: readonly string[], start: number): number {
    const { bytes, to } = this.#inbox;
    const reply = this.#reply;
    let from = start;
    let { cursor } = list;
    while (cursor < keys.length && !list.settled && (this.state as ConnectionState) !== 'closed') {
      const next = this.#protocol.decodeListed(keys[cursor]!, bytes, from, to, reply);
      if (next === 0) break;
      from = next;
      reply.index = cursor;
      reply.more = true;
      list.cursor = ++cursor;
      list.sink.replied(list, reply);
    }
    return from;
  }

  #shift(head: Request): void {
    this.#awaiting.shift();
    this.#headOpaque = (this.#headOpaque + 1) & OPAQUE_MASK;
    if (this.#expired > 0) this.#expired--;
    this.#owner.slotsFreed(head.slots, head.bytes);
  }

  /**
   * After a complaint it may be unknown how many lines answer the request: a server that did not like the
   * line before a data block can take the block for commands (1.6.18 does).
   */
  #judgeComplaint(request: Request, reply: Reply): void {
    if (request.verb === Verb.setQuietly) this.#refuseSets();
    if (reply.kind === ReplyKind.clientError) {
      if (hasBody(request.verb)) throw new Doubt('a complaint about a command with a data block');
      if (
        !/^(cannot increment or decrement non-numeric value|invalid numeric delta argument)/.test(reply.text)
      ) {
        throw new Doubt('an unknown complaint about a command');
      }
    } else if (reply.kind === ReplyKind.unknownCommand) {
      // Old servers and Moxi do not know these two, say so in one line and go on.
      const known = request.verb === Verb.gat || request.verb === Verb.touch || request.verb === Verb.stats;
      if (!known) throw new Doubt('a command every server knows is unknown');
    }
  }

  #refuseSets(): void {
    this.#owner.setsRefused();
    if (this.#gatherable !== undefined) this.#gatherable.takesSets = false;
  }

  // ---- handshake ----

  #connected(): void {
    if (this.state === 'closed') return;
    this.#socket.write(this.#handshake.begin(), 'latin1');
  }

  #readHandshake(): void {
    const inbox = this.#inbox;
    while (this.state === 'opening') {
      const lineEnd = inbox.bytes.indexOf('\r\n', inbox.from, 'latin1');
      if (lineEnd < 0 || lineEnd >= inbox.to) {
        if (inbox.to - inbox.from > MAX_LINE_BYTES) throw new Doubt('a line that does not end');
        inbox.settle(0);
        return;
      }
      const line = inbox.bytes.toString('latin1', inbox.from, lineEnd);
      inbox.from = lineEnd + 2;
      this.#take(this.#handshake.receive(line));
    }
    if ((this.state as ConnectionState) === 'closed') return;
    if (inbox.from < inbox.to) throw new Doubt('bytes that nobody asked for');
    inbox.settle(0);
    this.#owner.connectionReady(this);
  }

  #take(step: HandshakeStep): void {
    switch (step.kind) {
      case 'write':
        this.#socket.write(step.text, 'latin1');
        return;
      case 'ready':
        this.#connectAlarm.stop();
        this.dialect = step.dialect;
        this.#protocol = this.#settings.protocolFor(step.dialect);
        if (this.#settings.gather && step.dialect !== 'proxy') {
          this.#gatherable = new Gathered(step.dialect === 'meta');
          if (step.dialect === 'classic') this.#gathered = this.#gatherable;
        }
        this.#become('ready');
        if (socketChannel.hasSubscribers) this.#publish('open', step.dialect);
        return;
      case 'ask-as-proxy':
        this.#close({ kind: 'ask-as-proxy' });
        return;
      case 'failed':
        this.#close({ kind: 'open-failed', error: step.error });
        return;
      default:
        step satisfies never;
    }
  }

  #connectTimedOut(): void {
    afterReading(this.#turn.clock, () => {
      if (this.state !== 'opening') return;
      const { node, connectTimeout } = this.#settings;
      const error = new MemcachedTimeoutError(
        `${node} did not connect and answer within ${connectTimeout} ms (connectTimeout).`,
        { node },
      );
      this.#close({ kind: 'open-failed', error });
    });
  }

  // ---- deadlines ----

  /**
   * Fails requests whose deadline is over; their slots stay until the answers come.
   * @param most - no more than so many now
   * @returns how many
   */
  expire(now: number, most: number, timedOut: (request: Request) => void): number {
    let count = 0;
    for (
      let request = this.#awaiting.at(this.#expired);
      request !== undefined && count < most;
      request = this.#awaiting.at(this.#expired)
    ) {
      // Deadlines of one timeout are in order; calls with their own keep time themselves (Infinity).
      if (request.deadline > now && request.deadline !== Number.POSITIVE_INFINITY && !request.settled) break;
      this.#expired++;
      if (request.settled || request.deadline > now) continue;
      count++;
      timedOut(request);
    }
    return count;
  }

  /** The earliest deadline that {@link expire} has to look at, if any. */
  get nextDeadline(): number {
    return this.#awaiting.at(this.#expired)?.deadline ?? Number.POSITIVE_INFINITY;
  }

  /** Since when something is outstanding and not a byte came; Infinity when nothing is outstanding. */
  get silentSince(): number {
    return this.#awaiting.size === 0 ? Number.POSITIVE_INFINITY : Math.max(this.lastByteAt, this.busySince);
  }

  // ---- the end ----

  /** Closes as soon as nothing is outstanding, at once if nothing is. */
  drain(): void {
    if (this.state !== 'ready') {
      if (this.state === 'opening') this.drop('it was no longer needed');
      return;
    }
    this.#become('draining');
    if (this.#awaiting.size === 0) this.#finishDraining();
  }

  #finishDraining(): void {
    this.drop('it was no longer needed');
  }

  /** Closes now; what is outstanding fails. */
  drop(why: string): void {
    const { node } = this.#settings;
    const error = new MemcachedConnectionError(`The connection to ${node} was closed: ${why}.`, {
      node,
      sent: 'maybe',
    });
    this.#close({ kind: 'dropped', error });
  }

  #lost(cause: Error | undefined): void {
    if (this.state === 'closed') return;
    if (this.state === 'opening') {
      this.#openFailed(cause);
      return;
    }
    const { node } = this.#settings;
    const message = `The connection to ${node} was closed by the other side${cause === undefined ? '' : ` (${reasonOf(cause)})`}.`;
    this.#close({
      kind: 'lost',
      error: new MemcachedConnectionError(message, { node, sent: 'maybe', cause }),
    });
  }

  #openFailed(cause: Error | undefined): void {
    const step =
      cause === undefined || ['ECONNRESET', 'EPIPE'].includes(reasonOf(cause))
        ? this.#handshake.closed()
        : undefined;
    if (step !== undefined && !this.#socket.connecting && this.#socket.bytesWritten > 0) {
      this.#take(step);
      return;
    }
    const { node } = this.#settings;
    const error = new MemcachedConnectionError(
      `Cannot connect to ${node}${cause === undefined ? '' : `: ${reasonOf(cause)}`}.`,
      { node, cause },
    );
    this.#close({ kind: 'open-failed', error });
  }

  #close(reason: CloseReason): void {
    if (this.state === 'closed') return;
    this.#become('closed');
    this.#connectAlarm.stop();
    this.#socket.destroy();
    const unflushedFrom = this.#awaiting.size - this.#unflushed;
    const held = [...this.#awaiting.drain(), ...(this.#gathered?.drain() ?? [])];
    const outstanding: Request[] = [];
    for (const [index, request] of held.entries()) {
      this.#owner.slotsFreed(request.slots, request.bytes);
      if (index >= unflushedFrom) request.phase = Phase.waiting;
      if (!request.settled) outstanding.push(request);
    }
    this.#writer.take();
    if (socketChannel.hasSubscribers) this.#publish('close', reason.kind);
    this.#owner.connectionClosed(this, reason, outstanding);
  }

  #become(next: ConnectionState): void {
    if (!CONNECTION_MOVES[this.state].includes(next))
      throw new Error(`connection: ${this.state} cannot become ${next}`);
    this.state = next;
  }

  #publish(event: 'open' | 'close', reason: string): void {
    const { pool, node } = this.#settings;
    socketChannel.publish({ pool, node, event, reason });
  }
}

/** A network error's code where it has one: its message can hold more than belongs into a log. */
function reasonOf(error: Error): string {
  const { code } = error as NodeJS.ErrnoException;
  if (code !== undefined) return code;
  return error instanceof AggregateError && error.errors[0] instanceof Error
    ? reasonOf(error.errors[0])
    : error.message;
}
