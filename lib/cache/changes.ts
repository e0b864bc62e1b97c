/**
 * Changes to a namespace as this process makes them: what they outdate here, before and after, and what is
 * said of them. What they do in memcached belongs to `writer.ts`.
 *
 * Invariant: when a change is called done, nothing in this process gives an answer from before it: no copy
 * nearby, no load that a later caller could join, no load that could still store what it read before.
 */
import type { CallOptions } from '../core/pool/types.js';
import type { Stamp } from './envelope.js';
import type { Keyspace } from './keys.js';
import type { CacheOperation, CacheOutcome } from './outcomes.js';
import type { Room, Rooms } from './rooms.js';
import { carriesAny } from './stamps.js';

export type Changed = Extract<CacheOutcome, 'done' | 'uncached' | 'error' | 'refused'>;

export class Changes {
  constructor(
    private readonly rooms: Rooms,
    private readonly room: Room,
    private readonly keys: Keyspace,
    private readonly enabled: boolean,
  ) {}

  /** Writes or deletes values. Whether that is confirmed. */
  async ofKeys(
    operation: CacheOperation,
    keys: readonly string[],
    call: CallOptions,
    write: () => Promise<Changed>,
  ): Promise<boolean> {
    const { flights, ledger, refill } = this.room;
    const began = ledger.began();
    const many = operation.endsWith('Many') ? { keys: keys.length } : undefined;
    if (!this.enabled) {
      ledger.publish(operation, 'bypass', began, many);
      return false;
    }
    const own = keys.map((key) => this.keys.ownOf(key));
    const storing = flights.voidEach(own);
    if (storing !== undefined) await storing;
    refill.revoke(keys, call);
    this.dropNear(keys);
    try {
      const outcome = keys.length === 0 ? 'done' : await write();
      ledger.publish(operation, outcome, began, many);
      return outcome === 'done';
    } finally {
      for (const key of own) flights.part(key);
      this.dropNear(keys);
    }
  }

  /** Drops everything. Whether every node confirmed. */
  async clear(call: CallOptions): Promise<boolean> {
    const { flights, writer } = this.room;
    // The generation would keep their values unseen anyway, but they could overwrite newer ones.
    flights.voidAll();
    return this.#all(
      'clear',
      () => writer.clear(call),
      () => true,
    );
  }

  /**
   * Ends or expires what carries a tag. What is being loaded may carry it too: its stamp keeps it out of the
   * cache. Whether every node confirmed.
   */
  async ofTags(
    operation: 'deleteByTag' | 'expireByTag',
    tags: readonly string[],
    call: CallOptions,
  ): Promise<boolean> {
    const how = operation === 'deleteByTag' ? 'renew' : 'expire';
    return this.#all(
      operation,
      async () => tags.length === 0 || this.room.writer.endTags(tags, how, call),
      (stamp) => carriesAny(stamp, tags),
    );
  }

  /** @param keys - as they are stored */
  dropNear(keys: readonly string[]): void {
    const { near } = this.rooms;
    if (near !== undefined) for (const key of keys) near.drop(key);
  }

  async #all(
    operation: CacheOperation,
    write: () => Promise<boolean>,
    concerns: (stamp: Stamp) => boolean,
  ): Promise<boolean> {
    const { flights, ledger } = this.room;
    const began = ledger.began();
    const done = this.enabled && (await write());
    this.rooms.near?.dropWhere(
      ({ namespace, stamp }) => namespace === this.keys.namespace && concerns(stamp),
    );
    // Work begun while this was under way may have read what it dropped.
    flights.partAll();
    ledger.publish(operation, this.enabled ? (done ? 'done' : 'error') : 'bypass', began);
    return done;
  }
}
