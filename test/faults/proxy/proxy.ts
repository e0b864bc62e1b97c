/**
 * A TCP proxy that stands between a client and a real memcached and makes the network, or the answers, go
 * wrong while both are running: `proxy.stall()`, `proxy.cutAfter(12)`, `proxy.reply(3).doubled()`, and
 * `proxy.heal()` when it shall be well again. The ideas are toxiproxy's; the replies are memcached's.
 *
 * Invariant: without a fault it changes nothing. Rules about replies never concern the first of a connection,
 * which belongs to the handshake and has {@link FaultProxy.handshake} for itself.
 */
import { createServer, type Server, type Socket } from 'node:net';
import { type Delivery, Link, type LinkFaults } from './link.js';
import { withFlippedBit, withWrongLength, withWrongName } from './replies.js';

const NO_FAULTS: LinkFaults = {
  blackHole: false,
  stalled: false,
  unreading: false,
  latency: 0,
  dribble: 0,
  splits: [],
};

/** As much of what clients sent is kept for {@link FaultProxy.requests}. */
const REQUESTS_KEPT = 65_536;

type Change = (reply: Buffer) => Delivery[];
interface Rule {
  /** Is it about this reply? Asked once for every reply. */
  concerns(reply: Buffer): boolean;
  change: Change;
}

/** Some replies, and what shall become of them. */
export class ReplyChoice {
  readonly #add: (change: Change) => void;
  constructor(add: (change: Change) => void) {
    this.#add = add;
  }

  /** What comes in place of a reply, in one piece. */
  #becomes(change: (reply: Buffer) => (Buffer | string)[]): void {
    this.#add((reply) => {
      const parts = change(reply).map((part) => Buffer.from(part as string, 'latin1'));
      return [{ bytes: Buffer.concat(parts) }];
    });
  }

  dropped(): void {
    this.#becomes(() => []);
  }

  doubled(): void {
    this.#becomes((reply) => [reply, reply]);
  }

  /** Comes after the next reply, whichever that is. */
  swapped(): void {
    this.#add((reply) => [{ bytes: reply, held: true }]);
  }

  /** Names another key (classic), another request (meta). */
  misnamed(): void {
    this.#becomes((reply) => [withWrongName(reply)]);
  }

  /** Its data block is announced as so many bytes longer; negative is shorter. */
  mismeasured(by = 1): void {
    this.#becomes((reply) => [withWrongLength(reply, by)]);
  }

  /** Is followed by an END (classic) or a miss (meta) too many. */
  endedTwice(): void {
    this.#becomes((reply) => [
      reply,
      /^(VA|HD|EN|NF|NS|EX) /.test(reply.toString('latin1')) ? 'EN\r\n' : 'END\r\n',
    ]);
  }

  /** One bit of it is wrong; never in what is stored, see `guardedPositions`. */
  flipped(random: () => number): void {
    this.#becomes((reply) => [withFlippedBit(reply, random)]);
  }

  before(bytes: string | Buffer): void {
    this.#becomes((reply) => [bytes, reply]);
  }

  after(bytes: string | Buffer): void {
    this.#becomes((reply) => [reply, bytes]);
  }

  replacedBy(bytes: string | Buffer): void {
    this.#becomes(() => [bytes]);
  }

  /** The connection ends so many bytes after its first. */
  cutAfter(bytes: number, how: 'fin' | 'reset' = 'fin'): void {
    this.#add((reply) => [{ bytes: reply.subarray(0, bytes), ending: how }]);
  }
}

export class FaultProxy {
  readonly #target: { host: string; port: number };
  #listener: Server | undefined;
  #port = 0;
  #rules: Rule[] = [];
  #handshakeRules: Rule[] = [];
  #faults: LinkFaults = { ...NO_FAULTS };
  /** What happens to a connection before it is let through. */
  #onAccept: ((socket: Socket, letThrough: () => Link) => void) | undefined;
  #requests = '';
  readonly #links = new Set<Link>();
  readonly #unlinked = new Set<Socket>();
  /** Connections so far. */
  accepted = 0;
  /** Replies that were spoilt so far. */
  spoilt = 0;

  private constructor(target: { host: string; port: number }) {
    this.#target = target;
  }

  /** @param target - `127.0.0.1:port` */
  static async before(target: { address: string }): Promise<FaultProxy> {
    const [host, port] = target.address.split(':');
    const proxy = new FaultProxy({ host: host!, port: Number(port) });
    await proxy.#listen();
    return proxy;
  }

  get address(): string {
    return `127.0.0.1:${this.#port}`;
  }

  /** Connections that are open now. */
  get connections(): number {
    return this.#links.size + this.#unlinked.size;
  }

  /** The last of what clients sent, one character per byte. */
  get requests(): string {
    return this.#requests;
  }

  // ---- the network ----

  /** Every answer comes so many milliseconds late. */
  latency(milliseconds: number): void {
    this.#change({ latency: milliseconds });
  }

  /** What is sent from now on, by either side, is gone for good; the connections stay open. */
  blackHole(): void {
    this.#change({ blackHole: true });
  }

  /** Answers are held back; {@link heal} delivers them late. */
  stall(): void {
    this.#change({ stalled: true });
  }

  /** Nothing is read from clients, so that what they send piles up with them. */
  stopReading(): void {
    this.#change({ unreading: true });
  }

  /** Answers come in pieces of so many bytes, one per turn of the loop. */
  dribble(bytes: number): void {
    this.#change({ dribble: bytes });
  }

  /** The answers of each connection, from its first byte on, come in pieces that end at these offsets. */
  splitAt(...offsets: number[]): void {
    this.#change({ splits: offsets });
  }

  /** New connections are refused; open ones go on. */
  refuse(): void {
    this.#listener?.close();
    this.#listener = undefined;
  }

  /** As after a `kill -9`: open connections are reset, new ones refused. */
  die(): void {
    this.refuse();
    this.endAll('reset');
  }

  /** Takes connections and closes them. */
  closeOnAccept(how: 'fin' | 'reset' = 'fin'): void {
    this.#onAccept = (socket) => {
      if (how === 'reset') socket.resetAndDestroy();
      else socket.resume().end();
    };
  }

  /** Takes connections and says this before it is asked. */
  greet(text: string): void {
    this.#onAccept = (_socket, letThrough) => letThrough().say(text);
  }

  /** Takes connections and looks at them so many milliseconds later. */
  acceptSlowly(milliseconds: number): void {
    this.#onAccept = (socket, letThrough) => {
      socket.pause();
      setTimeout(() => {
        if (!socket.destroyed) letThrough();
      }, milliseconds);
    };
  }

  /** Says something nobody asked for, on every connection. */
  say(text: string | Buffer): void {
    for (const link of this.#links) link.say(text);
  }

  endAll(how: 'fin' | 'reset' | 'half-close'): void {
    for (const link of [...this.#links]) link.end(how);
  }

  // ---- the replies ----

  /** The n-th reply from now; 1 is the next. */
  reply(position: number): ReplyChoice {
    let left = position;
    return this.#choose(this.#rules, () => --left === 0);
  }

  everyReply(): ReplyChoice {
    return this.#choose(this.#rules, () => true);
  }

  /** Replies that fit, all of them. */
  repliesLike(pattern: RegExp): ReplyChoice {
    return this.#choose(this.#rules, (reply) => pattern.test(reply.toString('latin1')));
  }

  /** A share of the replies, from 0 to 1. */
  someReplies(share: number, random: () => number): ReplyChoice {
    return this.#choose(this.#rules, () => random() < share);
  }

  /** The first reply of every connection from now on. */
  handshake(): ReplyChoice {
    return this.#choose(this.#handshakeRules, () => true);
  }

  /** The next reply is cut off so many bytes after its first, and so is its connection. */
  cutAfter(bytes: number, how: 'fin' | 'reset' = 'fin'): void {
    this.reply(1).cutAfter(bytes, how);
  }

  /** Ends every fault. What was held back is delivered now. Resolves when it listens. */
  async heal(): Promise<void> {
    this.#rules = [];
    this.#handshakeRules = [];
    this.#onAccept = undefined;
    this.#change(NO_FAULTS);
    if (this.#listener === undefined) await this.#listen();
  }

  /** Ends every connection, and the listening. */
  close(): void {
    this.refuse();
    for (const link of [...this.#links]) link.destroy();
    for (const socket of [...this.#unlinked]) socket.destroy();
  }

  #change(faults: Partial<LinkFaults>): void {
    this.#faults = { ...this.#faults, ...faults };
    for (const link of [...this.#links]) link.obey();
  }

  #choose(rules: Rule[], concerns: (reply: Buffer) => boolean): ReplyChoice {
    return new ReplyChoice((change) => rules.push({ concerns, change }));
  }

  #listen(): Promise<void> {
    const listener = createServer((socket) => this.#accept(socket));
    this.#listener = listener;
    return new Promise((resolve, reject) => {
      listener.once('error', reject);
      listener.listen(this.#port, '127.0.0.1', () => {
        const address = listener.address();
        if (typeof address === 'object' && address !== null) this.#port = address.port;
        resolve();
      });
    });
  }

  #accept(socket: Socket): void {
    this.accepted++;
    this.#unlinked.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => this.#unlinked.delete(socket));
    const letThrough = () => {
      this.#unlinked.delete(socket);
      const link = this.#link(socket);
      this.#links.add(link);
      return link;
    };
    if (this.#onAccept === undefined) letThrough();
    else this.#onAccept(socket, letThrough);
  }

  #link(socket: Socket): Link {
    const faults = () => this.#faults;
    let held: Delivery | undefined;
    return new Link(socket, this.#target, {
      get faults() {
        return faults();
      },
      bend: (reply, index) => {
        const bent = this.#bend(reply, index === 0 ? this.#handshakeRules : this.#rules);
        const leaving = bent.filter((delivery) => !delivery.held);
        if (held !== undefined && leaving.length > 0) {
          leaving.push({ bytes: held.bytes });
          held = undefined;
        }
        held = bent.find((delivery) => delivery.held) ?? held;
        return leaving;
      },
      requested: (text) => {
        this.#requests = (this.#requests + text).slice(-REQUESTS_KEPT);
      },
      closed: (link) => this.#links.delete(link),
    });
  }

  #bend(reply: Buffer, rules: readonly Rule[]): Delivery[] {
    const concerning = rules.filter((rule) => rule.concerns(reply));
    const rule = concerning[0];
    if (rule === undefined) return [{ bytes: reply }];
    this.spoilt++;
    return rule.change(reply);
  }
}
