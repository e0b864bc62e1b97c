/**
 * What one flight of `getOrSet` does: reads, on a miss loads, and stores what was loaded.
 *
 * Invariant: the loader begins after the generation is known that its value will be stored in. A clear that
 * comes while it runs, or while its value is on its way, therefore ends the value with all others.
 * Who waits for the flight, and what each of them gets, belongs to `single-flight.ts` and `cache.ts`.
 */
import type { Clock } from '../core/base/clock.js';
import type { CallOptions } from '../core/pool/types.js';
import { ALWAYS_FRESH } from './envelope.js';
import type { GetOrSetOptions, Loader } from './options.js';
import type { CacheStats } from './outcomes.js';
import type { Reader } from './reader.js';
import { type Shaped, toData } from './shape.js';
import type { Flight, SingleFlight } from './single-flight.js';
import type { Trouble } from './trouble.js';
import type { Writer } from './writer.js';

/** What a read or a load brought, for all who share it. */
export interface Brought extends Shaped {
  /** What it was to the caller that began it. */
  readonly outcome: 'hit' | 'miss' | 'error' | 'bypass';
}

/** A call of `getOrSet` with its options checked. */
export interface Order {
  readonly key: string;
  readonly stored: string;
  readonly loader: Loader<unknown>;
  readonly options: GetOrSetOptions;
  /** Milliseconds, already shortened by chance. */
  readonly ttl: number;
  /** Milliseconds, 0 for ever. */
  readonly loadTimeout: number;
  /** Without the caller's signal: others may come to wait for the same. */
  readonly call: CallOptions;
}

export class Filler {
  constructor(
    private readonly reader: Reader,
    private readonly writer: Writer,
    private readonly flights: SingleFlight<Brought>,
    private readonly counts: CacheStats,
    private readonly clock: Clock,
    private readonly trouble: Trouble,
  ) {}

  async bring(flight: Flight<Brought>, order: Order): Promise<Brought> {
    const read = await this.reader.readToFill(order.stored, order.call);
    if (read.kind === 'hit') return { data: read.value, copied: true, outcome: 'hit' };
    const brought = await this.load(flight, order, read.kind);
    if (flight.mayStore && read.stamp !== undefined && brought.data !== undefined) {
      const item = { key: order.stored, ttl: order.ttl, value: brought.data, freshness: ALWAYS_FRESH };
      const storing = this.writer.writeIn(read.stamp, item, order.call);
      flight.storing = storing.catch(() => undefined);
      await storing;
      flight.storing = undefined;
    }
    return brought;
  }

  async load(flight: Flight<Brought>, order: Order, outcome: Brought['outcome']): Promise<Brought> {
    // Everybody gave up while the cache was read.
    if (flight.waiters.size === 0) throw flight.signal.reason;
    const { clock } = this;
    const late = (): void => this.#tooLate(flight, order);
    const timer = order.loadTimeout === 0 ? undefined : clock.setTimeout(late, order.loadTimeout);
    timer?.unref?.();
    this.counts.loads++;
    try {
      const value = await order.loader({
        key: order.key,
        get signal() {
          return flight.signal;
        },
      });
      return { ...toData(value, order.options), outcome };
    } catch (error) {
      this.counts.loadErrors++;
      throw error;
    } finally {
      if (timer !== undefined) clock.clearTimeout(timer);
    }
  }

  #tooLate(flight: Flight<Brought>, order: Order): void {
    flight.mayStore = false;
    this.flights.partFrom(order.stored, flight);
    this.trouble.loadTimedOut(order.loadTimeout);
    const text = `The load took longer than ${order.loadTimeout} ms (loadTimeout).`;
    flight.abort(new DOMException(text, 'TimeoutError'));
  }
}
