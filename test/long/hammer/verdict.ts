/**
 * What a run of the hammer came to: loads are laid beside the expiries that the server showed, and every way in
 * which the promise could have been broken is looked for. Pure: it decides about what others have seen.
 */
import type { Sight } from './messages.js';

export interface Load {
  pid: number;
  /** When the loader began, milliseconds since 1970. */
  at: number;
  /** When it ended, or was killed. */
  end?: number;
  /** What it brought; nothing when it was killed. */
  serial?: number;
  killed: boolean;
}

export interface Evidence {
  /** When the item stopped being fresh. */
  expiries: readonly number[];
  loads: readonly Load[];
  sights: readonly Sight[];
  /** When callers were told to stop. */
  stopped: number;
  /** Within so many milliseconds after a winner's death somebody else must have begun to load. */
  refillWithin: number;
  /** Longer than this nobody may wait, in milliseconds. */
  answerWithin: number;
}

export interface Verdict {
  expiries: number;
  loads: number;
  fills: number;
  kills: number;
  lostRan: number;
  /** Loader calls per expiry, those that were killed not counted. */
  perExpiry: number;
  /** How many expiries took how many loader calls, the killed ones not counted: `{ 1: 30 }`. */
  shape: Record<number, number>;
  /** From each winner's death to the next loader's start, in milliseconds. */
  recoveries: number[];
  calls: number;
  errors: number;
  stubs: number;
  p50: number;
  p99: number;
  slowest: number;
  /** What the caches counted, all processes together. */
  stats: Record<string, number>;
  /** Sentences; none when all holds. */
  broken: string[];
}

/** A loader's message may be earlier than the watch's next look. */
const SKEW = 800;
/**
 * So long after its page was sent, a load has filled; what expires later is another expiry. An item of two seconds may
 * live for less than half of one where memcached counts its seconds late: two of them then end at once.
 */
const FILLED_WITHIN = 200;

export function judge(evidence: Evidence): Verdict {
  const { sights } = evidence;
  const loads = [...evidence.loads].sort((one, other) => one.at - other.at);
  const turns = evidence.expiries.map((at) => ({ at, loads: [] as Load[] }));
  for (const load of loads) (turns.findLast(({ at }) => at <= latestOf(load)) ?? turns[0]!).loads.push(load);
  // Nobody was left, or had the time, to see that it had expired.
  if (turns.at(-1)!.loads.length === 0 && turns.at(-1)!.at > evidence.stopped - 1_000) turns.pop();

  const fills = loads.filter(({ serial }) => serial !== undefined);
  const kills = loads.filter(({ killed }) => killed);
  const total = (of: (sight: Sight) => number) => sights.reduce((sum, sight) => sum + of(sight), 0);
  const stats: Record<string, number> = {};
  for (const sight of sights) {
    for (const [name, count] of Object.entries(sight.stats)) stats[name] = (stats[name] ?? 0) + count;
  }
  const shape: Record<number, number> = {};
  for (const turn of turns) {
    const calls = turn.loads.filter(({ killed }) => !killed).length;
    shape[calls] = (shape[calls] ?? 0) + 1;
  }
  const verdict: Verdict = {
    expiries: turns.length,
    loads: loads.length,
    fills: fills.length,
    kills: kills.length,
    lostRan: stats.lostRan ?? 0,
    perExpiry: (loads.length - kills.length) / turns.length,
    shape,
    recoveries: kills.map(
      (kill) => (loads.find(({ at }) => at > kill.end!)?.at ?? evidence.stopped) - kill.end!,
    ),
    calls: total(({ calls }) => calls),
    errors: total(({ errors }) => Object.values(errors).reduce((sum, count) => sum + count, 0)),
    stubs: total(({ stubs }) => stubs),
    ...percentiles(sights),
    slowest: Math.max(0, ...sights.map(({ slowest }) => slowest)),
    stats,
    broken: [],
  };
  verdict.broken = [...brokenLoads(evidence, verdict, turns, loads), ...brokenAnswers(evidence, verdict)];
  return verdict;
}

function brokenLoads(
  evidence: Evidence,
  verdict: Verdict,
  turns: readonly { loads: Load[] }[],
  loads: readonly Load[],
): string[] {
  const broken: string[] = [];
  if (verdict.expiries < 3) broken.push(`Only ${verdict.expiries} expiries: too few to tell anything.`);
  turns.forEach(({ loads: own }, turn) => {
    const calls = own.filter(({ killed }) => !killed).length;
    if (calls === 0) broken.push(`Expiry ${turn + 1}: nobody refilled.`);
    if (calls > 1) {
      const pids = own.map(({ pid }) => pid).join(', ');
      broken.push(`Expiry ${turn + 1}: ${calls} loader calls where 1 would do (processes ${pids}).`);
    }
  });
  if (verdict.loads !== verdict.fills + verdict.kills) {
    broken.push(`${verdict.loads} loader starts are not ${verdict.fills} fills and ${verdict.kills} killed.`);
  }
  const beside = (isMeant: (load: Load, other: Load) => boolean) =>
    loads.filter((load, index) =>
      loads.slice(0, index).some((other) => runs(other, load.at) && isMeant(load, other)),
    ).length;
  const twice = beside((load, other) => load.pid === other.pid);
  if (twice > 0) broken.push(`${twice} loads began while another one ran in the same process.`);
  const among = beside(() => true);
  if (among > 0) broken.push(`${among} loads began while another one ran.`);
  const seen = new Set(evidence.sights.flatMap(({ serials }) => serials));
  // The last one may have come too late for others to see.
  const fills = loads.filter(({ serial }) => serial !== undefined);
  const unseen = fills.slice(0, -1).filter(({ serial }) => !seen.has(serial!));
  if (unseen.length > 0) broken.push(`${unseen.length} loads filled nothing that another process saw.`);
  for (const took of verdict.recoveries) {
    if (took > evidence.refillWithin) {
      broken.push(
        `${took} ms passed after a winner's death; ${evidence.refillWithin} is all that was allowed.`,
      );
    }
  }
  return broken;
}

/** Until when the expiry that led to a load was seen. */
function latestOf({ at, end, serial }: Load): number {
  const filled = end === undefined || serial === undefined ? Number.POSITIVE_INFINITY : end + FILLED_WITHIN;
  return Math.min(at + SKEW, filled);
}

function runs(load: Load, at: number): boolean {
  return load.at <= at && load.end !== undefined && at < load.end;
}

function brokenAnswers(evidence: Evidence, verdict: Verdict): string[] {
  const broken: string[] = [];
  const errors = new Map<string, number>();
  for (const sight of evidence.sights) {
    broken.push(...sight.wrong.map((wrong) => `A wrong value: ${wrong}.`));
    for (const [text, count] of Object.entries(sight.errors))
      errors.set(text, (errors.get(text) ?? 0) + count);
  }
  for (const [text, count] of errors) broken.push(`${count} callers saw an error: ${text}`);
  if (verdict.stubs > 0) broken.push(`${verdict.stubs} callers were given a stub.`);
  const older = evidence.sights.reduce((sum, sight) => sum + sight.older, 0);
  if (older > 0) broken.push(`${older} callers were given a page older than one they could have known.`);
  if (verdict.slowest > evidence.answerWithin) {
    const took = Math.round(verdict.slowest);
    broken.push(`A caller waited ${took} ms; ${evidence.answerWithin} is all that was allowed.`);
  }
  return broken;
}

function percentiles(sights: readonly Sight[]): { p50: number; p99: number } {
  const took: number[] = [];
  for (const sight of sights) {
    sight.took.forEach((count, milliseconds) => {
      took[milliseconds] = (took[milliseconds] ?? 0) + count;
    });
  }
  const total = took.reduce((sum, count) => sum + count, 0);
  const below = (share: number) => {
    let left = total * share;
    return (
      took.findIndex((count) => {
        left -= count;
        return left <= 0;
      }) + 1
    );
  };
  return { p50: below(0.5), p99: below(0.99) };
}
