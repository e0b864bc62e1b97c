/** An in-process memcached that can be made to misbehave, and a clock that moves by hand. */
export type { Clock, Timer } from '../core/base/clock.js';
export { ManualClock, type ManualClockOptions } from './manual-clock.js';
export type { ConnectionRule, Misbehaviour, ReplyRule, Rule } from './misbehave.js';
export type { TestMemcachedOptions } from './options.js';
export { TestMemcached } from './server.js';
