/**
 * Durations and sizes as people write them. Public durations are milliseconds or a string with a unit;
 * inside they are always milliseconds. Sizes are bytes or a string with a unit.
 */

/** Milliseconds, or a number with a unit: `'250ms'`, `'4s'`, `'10m'`, `'1.5h'`, `'7d'`, `'2w'`. */
export type Duration = number | string;

/** Bytes, or a number with a unit: `'512b'`, `'64k'`, `'8m'`, `'1g'` (`kb`, `mib` and so on are the same). */
export type ByteSize = number | string;

const MILLISECONDS: Record<string, number> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

const DURATION = /^\s*(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)?\s*$/i;
const SIZE = /^\s*(\d+(?:\.\d+)?)\s*(?:(b)|([kmg])(?:i?b)?)?\s*$/i;

/** Milliseconds of `duration`, or `undefined` when it is not a finite duration of 0 or more. */
export function toMilliseconds(duration: unknown): number | undefined {
  if (typeof duration === 'number') return duration >= 0 && Number.isFinite(duration) ? duration : undefined;
  if (typeof duration !== 'string') return undefined;
  const match = DURATION.exec(duration);
  if (match === null) return undefined;
  const milliseconds = Number(match[1]) * MILLISECONDS[(match[2] ?? 'ms').toLowerCase()]!;
  // Enough digits make Infinity.
  return Number.isFinite(milliseconds) ? milliseconds : undefined;
}

/** Bytes of `size`, or `undefined` when it is not a finite size of 0 or more. */
export function toBytes(size: unknown): number | undefined {
  if (typeof size === 'number') return size >= 0 && Number.isFinite(size) ? Math.floor(size) : undefined;
  if (typeof size !== 'string') return undefined;
  const match = SIZE.exec(size);
  if (match === null) return undefined;
  const power = match[3] === undefined ? 0 : 'kmg'.indexOf(match[3].toLowerCase()) + 1;
  return Math.floor(Number(match[1]) * 1024 ** power);
}
