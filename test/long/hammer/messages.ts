/** What the hammer and its processes tell each other, over the channel Node gives a forked process. */
import type { CacheOptions } from '../../../lib/cache/options.js';

/** What every process is told at its start. */
export interface Orders {
  nodes: string;
  protocol: 'auto' | 'meta' | 'classic';
  cache: CacheOptions;
  key: string;
  callers: number;
  /** Each caller pauses between two calls for up to twice this, by chance, in milliseconds. */
  pause: number;
  /** Older than this a value may not be, in milliseconds. */
  oldest: number;
}

/** What the loader brings: a value that cannot be taken for another. */
export interface Page {
  key: string;
  /** How many loads had ended before this one. */
  serial: number;
  /** When its load ended, milliseconds since 1970. */
  at: number;
  /** Says that key and serial belong together, and makes the value larger than any stub. */
  proof: string;
}

/** What a process has seen since it began. */
export interface Sight {
  calls: number;
  /** Calls that rejected, by what they rejected with. */
  errors: Record<string, number>;
  /** Answers that were no page at all: `undefined`, an empty text, a buffer. */
  stubs: number;
  /** Pages whose proof does not fit, or that were older than the cache may serve. */
  wrong: string[];
  /** Calls answered with an older page than one seen before they began. */
  older: number;
  /** Serials that came out of the cache: those that this process had not loaded. */
  serials: number[];
  /** How many calls took so many milliseconds, the last entry for all that took longer. */
  took: number[];
  slowest: number;
  /** What the cache itself counted. */
  stats: Record<string, number>;
}

export type ToProcess =
  | { kind: 'start'; orders: Orders }
  | { kind: 'loaded'; load: number; page: Page }
  | { kind: 'stop' };

export type FromProcess =
  | { kind: 'ready' }
  | { kind: 'load'; load: number }
  | { kind: 'sight'; sight: Sight; last: boolean };

export function proofOf(key: string, serial: number): string {
  return `${key}/${serial};`.repeat(40);
}
