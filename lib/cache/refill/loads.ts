/**
 * Runs loaders, and stores what they make under the right that was won for it.
 *
 * Invariant: a loader runs once for each call of {@link Loads.fill} or {@link Loads.only}, whatever the cache does,
 * and begins after the marks are known under which its value will be stored: a clear that comes while it runs
 * ends the value with all others. However it ends, the right is used or given back.
 */
import type { Clock } from '../../core/base/clock.js';
import { seal } from '../envelope.js';
import { isAboutValue, passOn } from '../faults.js';
import type { Flight } from '../flight.js';
import type { LoadContext } from '../options.js';
import type { CacheOutcome, CacheStats } from '../outcomes.js';
import { type Shaped, toData } from '../shape.js';
import type { Asked } from '../stamps.js';
import type { Trouble } from '../trouble.js';
import type { Lifetime, Order } from './order.js';
import type { Filled, Right } from './rights.js';

/** What a read or a load brought, for all who share it. */
export interface Brought extends Shaped {
  /** What it was to the caller that began it. */
  readonly outcome: CacheOutcome;
  /** There is no value: who joined has to look for one, or take a fallback of its own. */
  readonly lost?: boolean;
  /** It was not stored, because what is stored is a later version of it. */
  readonly refused?: boolean;
}

/** What a loader made, and how it shall be stored. */
interface Loaded {
  readonly shaped: Shaped;
  /** `undefined`: it shall not be stored. */
  readonly lifetime: Lifetime | undefined;
  readonly tags: readonly string[];
}

export class Loads {
  constructor(
    private readonly counts: CacheStats,
    private readonly clock: Clock,
    private readonly trouble: Trouble,
    private readonly namespace: string,
  ) {}

  /** Loads and stores. The answer comes when the write has been answered too. */
  async fill(
    flight: Flight<Brought>,
    order: Order,
    asked: Asked,
    right: Right,
    outcome: CacheOutcome,
  ): Promise<Brought> {
    const prepared = await asked.prepared();
    if (!prepared) {
      right.giveBack();
      this.counts.errors++;
      return this.only(flight, order, 'error');
    }
    if (right.exclusive) this.counts.won++;
    const loaded = await this.#load(flight, order, right);
    const { shaped } = loaded;
    let refused = false;
    if (loaded.lifetime === undefined) right.drop();
    else if (!flight.mayStore) right.giveBack();
    else
      refused = await this.#storing(
        flight,
        this.#store(flight, order, asked, right, loaded, loaded.lifetime),
      );
    return refused ? { ...shaped, outcome, refused } : { ...shaped, outcome };
  }

  /** Loads for those who wait, and stores nothing. */
  async only(flight: Flight<Brought>, order: Order, outcome: CacheOutcome): Promise<Brought> {
    return { ...(await this.#load(flight, order, undefined)).shaped, outcome };
  }

  /** Whoever changes the key waits for the write, lest it comes last. */
  async #storing(flight: Flight<Brought>, storing: Promise<boolean>): Promise<boolean> {
    flight.storing = storing.catch(() => undefined);
    const refused = await storing;
    flight.storing = undefined;
    return refused;
  }

  async #load(flight: Flight<Brought>, order: Order, right: Right | undefined): Promise<Loaded> {
    // Everybody gave up while the cache was read.
    if (!flight.isWanted) {
      right?.giveBack();
      throw flight.signal.reason;
    }
    const { clock } = this;
    const late = (): void => this.#tooLate(flight, order, right);
    const timer =
      order.policy.loadTimeout === 0 ? undefined : clock.setTimeout(late, order.policy.loadTimeout);
    timer?.unref?.();
    flight.takesTime();
    const { gathering } = order;
    if (gathering === undefined) this.counts.loads++;
    const began = clock.now();
    const context: LoadContext = {
      key: order.key,
      get signal() {
        return flight.signal;
      },
    };
    try {
      const value = await (gathering?.load(context, flight.isApart) ?? order.loader(context));
      const stays = value !== undefined && order.options.unless?.(value, order.key) !== true;
      const lifetime = stays ? order.lifetimeOf(value, clock.now() - began, clock.wallNow()) : undefined;
      const tags = stays ? order.tagsOf(value) : order.policy.tags;
      return { shaped: toData(value, order.options), tags, lifetime };
    } catch (error) {
      if (gathering === undefined) this.counts.loadErrors++;
      right?.giveBack();
      throw error;
    } finally {
      if (timer !== undefined) clock.clearTimeout(timer);
    }
  }

  #tooLate(flight: Flight<Brought>, order: Order, right: Right | undefined): void {
    flight.mayStore = false;
    flight.joinable = false;
    this.trouble.loadTimedOut(order.policy.loadTimeout);
    // A right that outlived its loader would keep everybody waiting.
    right?.giveBack();
    const text = `The load took longer than ${order.policy.loadTimeout} ms (loadTimeout).`;
    flight.abort(new DOMException(text, 'TimeoutError'));
  }

  /** Whether it was refused, because a later version is stored. */
  async #store(
    flight: Flight<Brought>,
    order: Order,
    asked: Asked,
    right: Right,
    loaded: Loaded,
    { ttl, freshness }: Lifetime,
  ): Promise<boolean> {
    const stamp = await asked.ensured(loaded.tags);
    if (stamp === undefined || !flight.mayStore) {
      right.giveBack();
      if (stamp === undefined) this.counts.errors++;
      return false;
    }
    try {
      const sealed = seal(stamp, freshness, loaded.shaped.data);
      const filled = await right.fill(sealed, { timeout: order.call.timeout, ttl }, freshness.version);
      this.trouble.succeeded();
      this.#filled(filled, right);
      return filled === 'refused';
    } catch (error) {
      this.#notStored(error, order, right);
      return false;
    }
  }

  #filled(filled: Filled, right: Right): void {
    switch (filled) {
      case 'lost':
        this.counts.leasesLost++;
        return;
      case 'refused':
        this.counts.refused++;
        right.giveBack();
        return;
      case 'unversioned':
        this.trouble.versionsIgnored();
        this.counts.sets++;
        return;
      default:
        this.counts.sets++;
    }
  }

  #notStored(error: unknown, order: Order, right: Right): void {
    if (isAboutValue(error)) {
      this.counts.uncached++;
      this.trouble.unstorable(this.namespace, error);
      right.drop();
      return;
    }
    right.giveBack();
    passOn(error, order.call);
    this.counts.errors++;
    this.trouble.failed(error);
  }
}
