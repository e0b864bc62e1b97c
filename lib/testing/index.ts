/** An in-process memcached that can be made to misbehave, and a clock that moves by hand. */
export type { Clock, Timer } from '../core/base/clock.js';
export { ManualClock, type ManualClockOptions } from './manual-clock.js';
export type { Misbehaviour } from './misbehave.js';
export type { TestMemcachedOptions } from './options.js';
export type { ConnectionRule, ReplyRule, Rule } from './rules.js';
export { TestMemcached } from './server.js';
