/**
 * One caller in the soak: does operations of every kind, one after the other, on keys that nobody else writes, and
 * holds every answer against the oracle. What fails is noted as what it may have done.
 */
import type { MemcachedError, MemcachedPartialError } from '../../../lib/core/base/errors.js';
import { Oracle, Wrong } from './oracle.js';
import type { Client } from './world.js';
import { COMMAND_TIMEOUT, pause } from './world.js';

/** Who watches over all workers. */
export interface Watch {
  /** Runs a call and notes how long it took. @param within - milliseconds it was given */
  call<T>(what: string, within: number, call: () => Promise<T>): Promise<T>;
  failed(code: string): void;
  readonly isOver: boolean;
  /** Lives as long as the soak: a call that leaves its listener behind is found by counting them. */
  readonly signal: AbortSignal;
}

const KEYS = 12;

export class Worker {
  readonly #name: string;
  readonly #client: Client;
  readonly #random: () => number;
  readonly #watch: Watch;
  readonly #oracle = new Oracle();
  readonly #keys: string[];
  #written = 0;
  /** Milliseconds to the next call, at most: longer after one that failed, so that failing fast is not all it does. */
  #restlessness = 0;
  /** The counter's last value that was heard, in which life of its server, and how often it was counted. */
  #counter = { heard: 0, generation: -1, attempts: 0 };

  constructor(name: string, client: Client, random: () => number, watch: Watch) {
    this.#name = name;
    this.#client = client;
    this.#random = random;
    this.#watch = watch;
    // The last letter keeps a misnamed classic value from naming another key of this worker.
    this.#keys = Array.from({ length: KEYS }, (_, i) => `${client.protocol}:${name}:${i}:x`);
  }

  async run(): Promise<void> {
    const deeds = [
      () => this.#get(),
      () => this.#get(),
      () => this.#get(),
      () => this.#set(),
      () => this.#set(),
      () => this.#add(),
      () => this.#delete(),
      () => this.#cas(),
      () => this.#getMany(),
      () => this.#setMany(),
      () => this.#deleteMany(),
      () => this.#gat(),
      () => this.#count(),
      () => this.#impatient(),
    ];
    while (!this.#watch.isOver) {
      this.#restlessness = 12;
      await deeds[Math.floor(this.#random() * deeds.length)]!();
      await pause(this.#random() * this.#restlessness);
    }
  }

  // ---- reading ----

  async #get(): Promise<void> {
    const key = this.#key();
    await this.#ask('get', async () => this.#check(key, await this.#client.pool.get(key), true));
  }

  async #gat(): Promise<void> {
    const key = this.#key();
    await this.#ask('gat', async () => this.#check(key, await this.#client.pool.gat(key, 0), true));
  }

  async #getMany(): Promise<void> {
    const keys = this.#someKeys();
    const checkAll = (values: Map<string, unknown>, asked: string[]) => {
      // It goes out in its classic form everywhere, whose END names nobody.
      for (const key of asked) this.#check(key, values.get(key), false);
      for (const key of values.keys()) if (!keys.includes(key)) throw new Wrong(`${key} was not asked for`);
    };
    await this.#ask(
      'getMany',
      async () => checkAll(await this.#client.pool.getMany(keys), keys),
      (error) => {
        const { values, failed } = error as MemcachedPartialError;
        checkAll(
          values,
          keys.filter((key) => !failed.has(key)),
        );
      },
    );
  }

  // ---- writing ----

  async #set(): Promise<void> {
    const key = this.#key();
    const tag = this.#newTag(key);
    await this.#write('set', [[key, tag]], async (confirm) => {
      await this.#client.pool.set(key, fullValue(tag));
      confirm(key, tag);
    });
  }

  async #add(): Promise<void> {
    const key = this.#key();
    const tag = this.#newTag(key);
    await this.#write('add', [[key, tag]], async (confirm) => {
      if (await this.#client.pool.add(key, fullValue(tag))) confirm(key, tag);
    });
  }

  async #delete(): Promise<void> {
    const key = this.#key();
    await this.#write('delete', [[key, undefined]], async (confirm) => {
      await this.#client.pool.delete(key);
      confirm(key, undefined);
    });
  }

  async #cas(): Promise<void> {
    const key = this.#key();
    const tag = this.#newTag(key);
    await this.#write(
      'cas',
      [[key, tag]],
      async (confirm) => {
        const found = await this.#client.pool.gets(key);
        this.#check(key, found?.value, true);
        if (found === undefined) return;
        if ((await this.#client.pool.cas(key, fullValue(tag), found.cas)) === 'stored') confirm(key, tag);
      },
      2,
    );
  }

  async #setMany(): Promise<void> {
    const writes = this.#someKeys().map((key): [string, string] => [key, this.#newTag(key)]);
    await this.#write('setMany', writes, async (confirm) => {
      await this.#client.pool.setMany(writes.map(([key, tag]) => [key, fullValue(tag)]));
      for (const [key, tag] of writes) confirm(key, tag);
    });
  }

  async #deleteMany(): Promise<void> {
    const writes = this.#someKeys().map((key): [string, undefined] => [key, undefined]);
    await this.#write('deleteMany', writes, async (confirm) => {
      await this.#client.pool.deleteMany(writes.map(([key]) => key));
      for (const [key] of writes) confirm(key, undefined);
    });
  }

  /** Calls that give up on their own; what they asked for is answered to nobody. */
  async #impatient(): Promise<void> {
    const key = this.#key();
    const timeout = 1 + Math.floor(this.#random() * 20);
    const signal = AbortSignal.any([AbortSignal.timeout(timeout), this.#watch.signal]);
    const options = this.#random() < 0.5 ? { timeout, signal: this.#watch.signal } : { signal };
    await this.#ask('impatient get', async () =>
      this.#check(key, await this.#client.pool.get(key, options), true),
    );
  }

  /** Each count is sent at most once, so the counter never passes the number of attempts. */
  async #count(): Promise<void> {
    const key = `${this.#client.protocol}:${this.#name}:count`;
    const counter = this.#counter;
    const before = this.#generation(key);
    counter.attempts++;
    await this.#ask('incr', async () => {
      const value = (await this.#client.pool.incr(key, 1, { initial: 1 })) ?? 0;
      const after = this.#generation(key);
      const isSameLife = before === counter.generation && before === after;
      if (value > counter.attempts) throw new Wrong(`${key} is ${value} after ${counter.attempts} attempts`);
      if (isSameLife && value <= counter.heard)
        throw new Wrong(`${key} is ${value}, but was ${counter.heard} before`);
      counter.heard = value;
      counter.generation = before;
    });
  }

  // ---- shared ----

  async #ask(
    what: string,
    call: () => Promise<void>,
    onPartial?: (error: MemcachedError) => void,
  ): Promise<void> {
    try {
      await this.#watch.call(what, COMMAND_TIMEOUT, call);
    } catch (error) {
      const code = codeOf(error);
      this.#failed(code);
      if (code === 'MEMCACHED_PARTIAL') onPartial?.(error as MemcachedError);
    }
  }

  async #write(
    what: string,
    writes: [key: string, tag: string | undefined][],
    call: (confirm: (key: string, tag: string | undefined) => void) => Promise<void>,
    steps = 1,
  ): Promise<void> {
    const generations = new Map(writes.map(([key]) => [key, this.#generation(key)]));
    const confirm = (key: string, tag: string | undefined) =>
      this.#oracle.wrote(key, tag, generations.get(key)!);
    try {
      await this.#watch.call(what, steps * COMMAND_TIMEOUT, () => call(confirm));
    } catch (error) {
      const code = codeOf(error);
      this.#failed(code);
      const failed = code === 'MEMCACHED_PARTIAL' ? (error as MemcachedPartialError).failed : undefined;
      for (const [key, tag] of writes) {
        const failure = failed === undefined ? (error as MemcachedError) : failed.get(key);
        if (failure === undefined) confirm(key, tag);
        else if (failure.sent !== 'no') this.#oracle.mayHaveWritten(key, tag);
      }
    }
  }

  #failed(code: string): void {
    this.#watch.failed(code);
    this.#restlessness = 100;
  }

  #check(key: string, value: unknown, namesItsMiss: boolean): void {
    const isMeta = this.#client.protocol === 'meta';
    this.#oracle.read(key, tagOf(value), this.#generation(key), namesItsMiss && isMeta);
  }

  #generation(key: string): number {
    return this.#client.serverOf.get(this.#client.pool.nodeOf(key)!)!.generation;
  }

  #key(): string {
    return this.#keys[Math.floor(this.#random() * KEYS)]!;
  }

  #someKeys(): string[] {
    return this.#keys.filter(() => this.#random() < 0.4);
  }

  #newTag(key: string): string {
    const size = this.#random() < 0.05 ? 50_000 + this.#random() * 150_000 : this.#random() * 800;
    return `${key}#${++this.#written}#${Math.floor(size)}#`;
  }
}

/** Its tag and as much filling as the tag says, so that a part or a mixture is known as one. */
function fullValue(tag: string): string {
  return tag + 'abcdefghij'.repeat(20_000).slice(0, Number(tag.split('#')[2]));
}

function tagOf(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  const tag = /^[^#]+#\d+#\d+#/.exec(String(value))?.[0];
  if (tag === undefined || fullValue(tag) !== value)
    throw new Wrong(`a value nobody wrote: ${String(value).slice(0, 80)}`);
  return tag;
}

/** @throws Wrong, and whatever else is no failure of memcached. */
function codeOf(error: unknown): string {
  const { code, name } = error as { code?: unknown; name?: string };
  if (typeof code === 'string' && code.startsWith('MEMCACHED_')) return code;
  if (name === 'TimeoutError' || name === 'AbortError') return 'aborted';
  throw error;
}
