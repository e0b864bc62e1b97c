/**
 * The fleet under the hammer, seen from its parent: it forks the processes, is the database they load from, kills
 * the one that is loading, and keeps what there is to judge by.
 *
 * Invariant: a loader that is to be killed never gets its page, so that a kill is always in mid-load.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type FromProcess, type Orders, proofOf, type Sight, type ToProcess } from './messages.js';
import { LOAD_TAKES, LOCK, TTL } from './scenarios.js';
import type { Load } from './verdict.js';

const KILLED_AFTER = 50;

const LOADER = new URL('../../nest/support/typescript-loader.mjs', import.meta.url).href;
const CALLER = fileURLToPath(new URL('./caller.ts', import.meta.url));

interface Member {
  process: ChildProcess;
  sight: Sight | undefined;
  ready: Promise<void>;
  gone: Promise<void>;
  /** It said all it had to say, or was killed on purpose; any other end is a failure. */
  mayEnd: boolean;
}

export class Fleet {
  readonly loads: Load[] = [];
  /** What no verdict could show: a process that ended unasked. */
  readonly accidents: string[] = [];
  readonly #orders: Orders;
  readonly #members: Member[] = [];
  /** So many loads are let live between two that are killed; 0: none is killed. */
  readonly #killEvery: number;
  #untilKill: number;
  #peaceUntil = 0;
  #serials = 0;
  #stopping = false;

  constructor(orders: Orders, killEvery: number) {
    this.#orders = orders;
    this.#killEvery = killEvery;
    // The very first load is everybody's start.
    this.#untilKill = killEvery + 1;
  }

  /** Resolves when all processes have been told to begin. */
  async start(processes: number): Promise<void> {
    const members = Array.from({ length: processes }, () => this.#add());
    await Promise.all(members.map(({ ready }) => ready));
    for (const member of members) this.#send(member, { kind: 'start', orders: this.#orders });
  }

  /** No more kills: whoever loads now may finish. */
  spare(): void {
    this.#untilKill = Number.POSITIVE_INFINITY;
  }

  /** Resolves when all have ended. */
  async stop(): Promise<void> {
    this.#stopping = true;
    for (const member of this.#members) this.#send(member, { kind: 'stop' });
    const hung = setTimeout(() => {
      for (const { process } of this.#members) process.kill('SIGKILL');
    }, 30_000);
    await Promise.all(this.#members.map(({ gone }) => gone));
    clearTimeout(hung);
  }

  get sights(): Sight[] {
    return this.#members.flatMap(({ sight }) => sight ?? []);
  }

  get calls(): number {
    return this.sights.reduce((sum, { calls }) => sum + calls, 0);
  }

  #add(): Member {
    const process = fork(CALLER, [], { execArgv: ['--import', LOADER], serialization: 'advanced' });
    let isReady = () => {};
    const ended = new Promise<void>((resolve) => process.once('exit', () => resolve()));
    const ready = new Promise<void>((resolve) => {
      isReady = resolve;
    });
    const member: Member = {
      process,
      sight: undefined,
      ready: Promise.race([ready, ended]),
      gone: ended,
      mayEnd: false,
    };
    process.on('message', (message: FromProcess) => {
      switch (message.kind) {
        case 'ready':
          isReady();
          break;
        case 'load':
          this.#load(member, message.load);
          break;
        case 'sight':
          member.sight = message.sight;
          member.mayEnd ||= message.last;
      }
    });
    process.on('exit', (code, signal) => {
      if (!member.mayEnd) this.accidents.push(`A process ended by itself (${signal ?? `code ${code}`}).`);
    });
    this.#members.push(member);
    return member;
  }

  #send(member: Member, message: ToProcess): void {
    if (member.process.connected) member.process.send(message);
  }

  #load(member: Member, id: number): void {
    const load: Load = { pid: member.process.pid!, at: Date.now(), killed: this.#isToKill() };
    this.loads.push(load);
    if (load.killed) setTimeout(() => void this.#kill(member, load), KILLED_AFTER);
    else setTimeout(() => this.#finish(member, id, load), LOAD_TAKES);
  }

  /** Only who loads alone, and only when the last death is long forgotten. */
  #isToKill(): boolean {
    const isAlone = this.loads.every(({ end }) => end !== undefined);
    if (this.#killEvery === 0 || !isAlone || Date.now() < this.#peaceUntil) return false;
    if (--this.#untilKill > 0) return false;
    this.#untilKill = this.#killEvery + 1;
    this.#peaceUntil = Date.now() + LOCK + TTL;
    return true;
  }

  #finish(member: Member, id: number, load: Load): void {
    if (!member.process.connected) return;
    const { key } = this.#orders;
    const serial = ++this.#serials;
    load.end = Date.now();
    load.serial = serial;
    this.#send(member, {
      kind: 'loaded',
      load: id,
      page: { key, serial, at: load.end, proof: proofOf(key, serial) },
    });
  }

  /** A fresh process takes the place of the dead one. */
  async #kill(member: Member, load: Load): Promise<void> {
    member.mayEnd = true;
    load.end = Date.now();
    member.process.kill('SIGKILL');
    const next = this.#add();
    await next.ready;
    if (!this.#stopping) return this.#send(next, { kind: 'start', orders: this.#orders });
    next.mayEnd = true;
    next.process.kill('SIGKILL');
  }
}
