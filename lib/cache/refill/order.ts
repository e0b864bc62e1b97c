/**
 * A call of `getOrSet` with its options checked and its defaults filled in.
 *
 * Invariant: what can be wrong in a call is refused here, before anything is sent; only what a function makes
 * of the loaded value has to wait until there is one.
 */
import type { Duration } from '../../core/base/durations.js';
import { MemcachedArgumentError } from '../../core/base/errors.js';
import { describe } from '../../core/base/options.js';
import type { CallOptions } from '../../core/pool/types.js';
import type { Freshness } from '../envelope.js';
import type { Near } from '../near.js';
import {
  type CheckedCacheOptions,
  callDuration,
  callFraction,
  callTtl,
  callWord,
  type GetOrSetOptions,
  LONGEST_TTL,
  type Loader,
  shortened,
} from '../options.js';
import { checkVersion } from '../versions.js';
import type { Gathering } from './gathering.js';

/** A lease outlives the loader by this: a lifetime of 1 s ends somewhere between 0 and 1. */
const LOCK_BEYOND_LOADER = 2_000;
/** How long a right is held whose loader may take for ever. */
const LOCK_WITHOUT_BOUND = 300_000;
/**
 * Losers wait until the right of a dead one has ended, for the load of whoever wins it then, and this: they look
 * only now and then.
 */
const WAIT_BEYOND_LOAD = 1_000;
const WAIT_WITHOUT_BOUND = 30_000;
/** memcached reads longer times as dates. */
const LONGEST_REFRESH_BELOW = 2_592_000_000;
const NO_TAGS: readonly string[] = [];

/** What an order needs of the cache it was given to. */
export interface OrderSetting {
  readonly options: CheckedCacheOptions;
  readonly random: () => number;
  readonly near: Near | undefined;
  /** Of calls that say nothing themselves. */
  readonly policy: Policy;
}

/** How a value is stored: for how long, and what its readers are told. */
export interface Lifetime {
  /** Of the item, in milliseconds; 0 for ever. */
  readonly ttl: number;
  readonly freshness: Freshness;
}

/** What a call, or the cache where the call does not say, wants of a refill; checked. */
export class Policy {
  /** Milliseconds, as the call or the cache says; what a function says of the value comes later. */
  readonly ttl: number;
  readonly stale: number;
  /** How long before its end a value is refreshed, in milliseconds. */
  readonly ahead: number;
  readonly softTimeout: number;
  /** 0 for ever. */
  readonly loadTimeout: number;
  /** How long another process that has the right to refill is waited for, in milliseconds. */
  readonly waitTimeout: number;
  /** How long a load of this process is waited for: when it takes longer, its right is free again. */
  readonly patience: number;
  readonly leases: 'auto' | 'off';
  readonly losers: 'wait' | 'run' | 'fallback';
  /** The tags that are known before the value is, each once. */
  readonly tags: readonly string[];
  /** Of whatever is loaded, where it is known before. */
  readonly version: bigint | undefined;
  /** How long the right to refill is held, in milliseconds. */
  readonly lock: number;
  /** With less of its item's life left than this, somebody shall refresh it; in milliseconds. */
  readonly refreshBelow: number | undefined;

  /** @throws MemcachedArgumentError */
  constructor(options: GetOrSetOptions, defaults: CheckedCacheOptions) {
    const { ttl, tags, version } = options;
    this.ttl = typeof ttl === 'function' ? defaults.ttl : callTtl(ttl, defaults.ttl);
    this.tags = tags === undefined || typeof tags === 'function' ? NO_TAGS : checkTags(tags);
    this.version = typeof version === 'function' ? undefined : checkVersion(version);
    this.stale = callTtl(options.stale, defaults.stale, 'stale');
    this.ahead = this.ttl * callFraction('refreshAhead', options.refreshAhead, defaults.refreshAhead);
    this.softTimeout = callDuration('softTimeout', options.softTimeout, defaults.softTimeout);
    this.loadTimeout = callDuration('loadTimeout', options.loadTimeout, defaults.loadTimeout);
    this.lock = this.loadTimeout === 0 ? LOCK_WITHOUT_BOUND : this.loadTimeout + LOCK_BEYOND_LOADER;
    const untilNext =
      this.loadTimeout === 0 ? WAIT_WITHOUT_BOUND : this.lock + this.loadTimeout + WAIT_BEYOND_LOAD;
    this.waitTimeout = callDuration('waitTimeout', options.waitTimeout, defaults.waitTimeout) ?? untilNext;
    this.patience = this.loadTimeout === 0 ? this.waitTimeout : Math.min(this.waitTimeout, this.loadTimeout);
    this.leases = callWord('leases', options.leases, defaults.leases, ['auto', 'off']);
    this.losers = callWord('losers', options.losers, defaults.losers, ['wait', 'run', 'fallback']);
    callTtl(options.negativeTtl, 0, 'negativeTtl');
    this.refreshBelow = refreshBelow(this.stale, this.ahead);
  }
}

export class Order {
  /** When a loser stops waiting; known once it has begun. */
  waitUntil: number | undefined = undefined;

  constructor(
    readonly key: string,
    readonly stored: string,
    /** Under which work for it is shared in this process, see {@link SingleFlight}. */
    readonly own: string,
    readonly loader: Loader<unknown>,
    readonly options: GetOrSetOptions,
    readonly policy: Policy,
    /** Without the caller's signal: others may come to wait for the same. */
    readonly call: CallOptions,
    private readonly setting: OrderSetting,
    /** Loads it together with others, in place of `loader`. */
    readonly gathering?: Gathering,
  ) {}

  /** What is found fresh is what the call wants, and there is nothing else to do with it. */
  get isSimple(): boolean {
    return this.setting.near === undefined && this.options.forceFresh !== true;
  }

  /** Where hot values are kept. */
  get near(): Near | undefined {
    return this.setting.near;
  }

  /** The tags may be known only when the value is. */
  get tagsComeLater(): boolean {
    return typeof this.options.tags === 'function';
  }

  /** @throws whatever the function of the caller does. */
  tagsOf(value: unknown): readonly string[] {
    const { tags } = this.options;
    return typeof tags === 'function' ? checkTags(tags(value)) : this.policy.tags;
  }

  /** @throws whatever the function of the caller does. */
  lifetimeOf(value: unknown, cost: number, wallNow: number): Lifetime {
    const { options, random } = this.setting;
    const fresh = shortened(this.ttlOf(value), options.jitter, random);
    const version = this.versionOf(value);
    if (fresh === 0) return { ttl: 0, freshness: { staleSeconds: 0, freshUntil: 0, cost: 0, version } };
    const { stale, ahead } = this.policy;
    const judged = stale > 0 || ahead > 0;
    return {
      ttl: Math.min(fresh + stale, LONGEST_TTL),
      freshness: {
        staleSeconds: wholeSeconds(stale) / 1_000,
        freshUntil: judged ? Math.ceil(wallNow + fresh) : 0,
        cost: ahead > 0 ? Math.ceil(cost) : 0,
        version,
      },
    };
  }

  private versionOf(value: unknown): bigint | undefined {
    const { version } = this.options;
    return typeof version === 'function' ? checkVersion(version(value)) : this.policy.version;
  }

  private ttlOf(value: unknown): number {
    const { ttl, negativeTtl } = this.options;
    const negative: Duration | undefined = negativeTtl ?? this.setting.options.negativeTtl;
    if (value === null && negative !== undefined) return callTtl(negative, 0, 'negativeTtl');
    return typeof ttl === 'function' ? callTtl(ttl(value), this.policy.ttl) : this.policy.ttl;
  }
}

function refreshBelow(stale: number, ahead: number): number | undefined {
  if (stale === 0 && ahead === 0) return undefined;
  // memcached asks for less than this and not for as much; a whole second more makes it "as much".
  return Math.min(wholeSeconds(stale) + Math.max(1_000, ahead), LONGEST_REFRESH_BELOW);
}

function wholeSeconds(milliseconds: number): number {
  return Math.ceil(milliseconds / 1_000) * 1_000;
}

function checkTags(tags: unknown): readonly string[] {
  if (Array.isArray(tags) && tags.every((tag) => typeof tag === 'string' && tag !== '')) {
    return tags.length === 0 ? NO_TAGS : [...new Set(tags)];
  }
  const given = Array.isArray(tags) ? 'an array that holds something else' : describe(tags);
  throw new MemcachedArgumentError(`"tags" must be an array of strings that are not empty, not ${given}.`);
}
