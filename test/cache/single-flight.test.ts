/** Who shares whose work, and what a change outdates, as long as that is a solo and when it is a flight. */
import { Crowd } from '../../lib/cache/crowd.js';
import { type Flight, Sharer } from '../../lib/cache/flight.js';
import { SingleFlight, type Solo } from '../../lib/cache/single-flight.js';
import { ManualClock } from '../../lib/testing/manual-clock.js';

class Caller extends Sharer<string, string> {
  readonly signal = undefined;
  readonly insists = false;
  readonly patience = 1_000;
  begun: Flight<string> | undefined;

  work(flight: Flight<string>): void {
    this.begun = flight;
  }

  protected receive(result: string, last: boolean): string {
    return last ? `${result}, the last` : result;
  }

  protected refused(): void {}

  protected leave(): Promise<string> {
    return Promise.reject(new Error('left'));
  }
}

let crowd: Crowd<Solo<string>>;
let flights: SingleFlight<string>;
let others: SingleFlight<string>;

beforeEach(() => {
  crowd = new Crowd();
  const clock = new ManualClock();
  flights = new SingleFlight(clock, () => crowd);
  others = new SingleFlight(clock, () => crowd);
});

/** Begins a solo, as who has found its slot quiet does. */
function solo(key: string, among = flights): { made: Solo<string>; answer: Promise<string> } {
  const sharer = new Caller();
  const slot = among.slotOf(key);
  const made: Solo<string> = { slot, own: key, flights: among, sharer, flight: undefined };
  const answer = sharer.expect();
  among.soloBegun(made);
  return { made, answer };
}

function share(key: string, among = flights): { caller: Caller; answer: Promise<string> } {
  const caller = new Caller();
  return { caller, answer: among.share(key, caller, among.slotOf(key)) };
}

/** Two keys with one slot. */
function collision(): [string, string] {
  const seen = new Map<number, string>();
  for (let i = 0; ; i++) {
    const key = `key:${i}`;
    const slot = crowd.slotOf(key);
    const other = seen.get(slot);
    if (other !== undefined) return [other, key];
    seen.set(slot, key);
  }
}

describe('a solo', () => {
  it('answers who began it', async () => {
    const { made, answer } = solo('k');
    flights.soloLanded(made, 'v');
    expect(await answer).toBe('v, the last');
    expect(made.flight).toBeUndefined();
  });

  it('is joined by who comes while it is under way, and by nobody after that', async () => {
    const { made, answer } = solo('k');
    const joined = share('k');
    flights.soloLanded(made, 'v');
    expect(await Promise.all([answer, joined.answer])).toEqual(['v', 'v, the last']);
    expect(joined.caller.begun).toBeUndefined();
    expect(share('k').caller.begun).toBeDefined();
  });

  it('that has become a flight stays the one it became', () => {
    const { made } = solo('k');
    const flight = flights.flightOf(made);
    expect(flight).toMatchObject({ joinable: true, mayStore: true });
    expect(flights.flightOf(made)).toBe(flight);
  });

  it('hands an error to all who wait', async () => {
    const { made, answer } = solo('k');
    const joined = share('k');
    flights.flightOf(made).crash(new Error('no'));
    expect(await Promise.allSettled([answer, joined.answer])).toMatchObject([
      { reason: { message: 'no' } },
      { reason: { message: 'no' } },
    ]);
  });

  it.each<[string, { joinable: boolean; mayStore: boolean }, () => unknown]>([
    ['a change of its key', { joinable: false, mayStore: false }, () => flights.voidEach(['x', 'k'])],
    ['a change of all', { joinable: false, mayStore: false }, () => flights.voidAll()],
    ['a confirmed change of its key', { joinable: false, mayStore: true }, () => flights.part('k')],
    ['a confirmed change of all', { joinable: false, mayStore: true }, () => flights.partAll()],
  ])('is outdated by %s, and still answers', async (_, expected, change) => {
    const { made, answer } = solo('k');
    change();
    expect(flights.flightOf(made)).toMatchObject(expected);
    expect(share('k').caller.begun).toBeDefined();
    flights.soloLanded(made, 'v');
    expect(await answer).toBe('v, the last');
  });

  it.each<[string, (key: string) => unknown]>([
    ['a change', (key) => flights.voidEach([key])],
    ['a confirmed change', (key) => flights.part(key)],
    ['a caller', (key) => share(key)],
  ])('is not reached by %s of another key with the same slot', (_, happens) => {
    const [one, other] = collision();
    const { made } = solo(one);
    happens(other);
    expect(made.flight).toBeUndefined();
  });

  it.each<[string, () => unknown]>([
    ['a change', () => others.voidEach(['k'])],
    ['a change of all', () => others.voidAll()],
    ['a confirmed change of all', () => others.partAll()],
    ['a caller', () => share('k', others)],
  ])('is not reached by %s in another namespace', (_, happens) => {
    solo('z', others);
    const { made } = solo('k');
    happens();
    expect(made.flight).toBeUndefined();
  });
});

it('asks for its crowd when there is work, and once', async () => {
  const crowdOf = jest.fn(() => crowd);
  flights = new SingleFlight(new ManualClock(), crowdOf);
  await flights.voidEach(['k']);
  flights.voidAll();
  flights.part('k');
  flights.partAll();
  expect(crowdOf).not.toHaveBeenCalled();
  for (const key of ['k', 'k', 'l']) void share(key);
  expect(crowdOf).toHaveBeenCalledTimes(1);
});

describe('a slot is quiet', () => {
  const isQuiet = (): boolean => flights.isQuiet(flights.slotOf('k'));

  it('but for a solo, until that has landed', () => {
    expect(isQuiet()).toBe(true);
    const { made } = solo('k');
    expect(isQuiet()).toBe(false);
    flights.soloLanded(made, 'v');
    expect(isQuiet()).toBe(true);
  });

  it('but for what has become of a solo, however that ends', async () => {
    for (const end of ['land', 'crash'] as const) {
      const { made, answer } = solo('k');
      const flight = flights.flightOf(made);
      expect(isQuiet()).toBe(false);
      flight[end]('v');
      expect(isQuiet()).toBe(true);
      await answer.catch(() => undefined);
    }
  });

  it('but for flights, until the last of them has ended', async () => {
    const first = share('k');
    flights.part('k');
    const second = share('k');
    first.caller.begun!.land('v');
    expect(isQuiet()).toBe(false);
    second.caller.begun!.land('v');
    expect(isQuiet()).toBe(true);
    await Promise.all([first.answer, second.answer]);
  });

  it('but for work apart, which nobody joins', async () => {
    let end!: (value: string) => void;
    const work = new Promise<string>((resolve) => {
      end = resolve;
    });
    const apart = flights.apart('k', () => work);
    expect(isQuiet()).toBe(false);
    const { caller, answer } = share('k');
    caller.begun!.land('v');
    end('w');
    expect(await Promise.all([apart, answer])).toEqual(['w', 'v, the last']);
    expect(isQuiet()).toBe(true);
  });
});

describe('slots', () => {
  const distinct = (keys: string[]): number => new Set(keys.map((key) => crowd.slotOf(key))).size;
  const numbers = Array.from({ length: 1_000 }, (_, i) => i);

  it.each<[string, (i: number) => string]>([
    ['a number at the end', (i) => `product:${i}`],
    ['one that follows others', (i) => `product:${i % 7}:page:${i}`],
    ['the end of a long number', (i) => `${8_000_000_000_000 + i * 37}`],
    ['a number in the middle', (i) => `user:${1_000 + i}:profile`],
    ['a short text', (i) => i.toString(36)],
  ])('tell keys apart that differ in %s', (_, keyOf) => {
    expect(distinct(numbers.map(keyOf))).toBeGreaterThan(600);
  });

  it('tell keys apart that differ in length', () => {
    expect(distinct(numbers.slice(0, 100).map((i) => 'a'.repeat(i + 1)))).toBeGreaterThan(60);
  });

  it('are there for keys of any length', () => {
    for (const key of ['a', 'ab', 'é', '\ud800', 'x'.repeat(10_000)]) {
      expect(crowd.isQuiet(crowd.slotOf(key))).toBe(true);
    }
  });
});
