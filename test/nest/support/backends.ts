/**
 * The two memcacheds that everything in this room is held against: the in-process one and the machine's own.
 */
import { TestMemcached } from '../../../lib/testing/index.js';
import { describeReal, RealMemcached } from '../../support/real-memcached.js';

export interface Backend {
  /** As it stands in `nodes`. */
  readonly address: string;
  /** Refuses connections from now on. */
  stop(): Promise<void>;
  /** At the same address. */
  restart(): Promise<void>;
}

export type StartBackend = () => Promise<Backend>;

/** One block of tests for each memcached; the second is skipped, visibly, where there is none. */
export function onEachBackend(tests: (start: StartBackend) => void): void {
  describe('on the in-process server', () => tests(() => TestMemcached.start()));
  describeReal('on the real memcached', () => tests(() => RealMemcached.start()));
}

let spaces = 0;

/** A namespace nobody has used: tests share a server, never an entry. */
export function freshNamespace(): string {
  return `test-${process.pid}-${++spaces}`;
}
