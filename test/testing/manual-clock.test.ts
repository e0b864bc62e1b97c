/** The clock that other tests lean on. */
import { ManualClock } from '../../lib/testing/index.js';

describe('ManualClock', () => {
  it('stands still until it is moved', async () => {
    const clock = new ManualClock();
    const [now, wall] = [clock.now(), clock.wallNow()];
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect([clock.now(), clock.wallNow()]).toEqual([now, wall]);
    clock.advance(3_999);
    expect([clock.now() - now, clock.wallNow() - wall]).toEqual([3_999, 3_999]);
  });

  it('starts where it is told to', () => {
    const clock = new ManualClock({ now: 5, wallNow: 1_000 });
    expect([clock.now(), clock.wallNow()]).toEqual([5, 1_000]);
  });

  it('runs what is due to the millisecond, in order of time and then of age', () => {
    const clock = new ManualClock();
    const ran: string[] = [];
    clock.setTimeout(() => ran.push(`late ${clock.now()}`), 20);
    clock.setTimeout(() => ran.push(`first ${clock.now()}`), 10);
    clock.setTimeout(() => ran.push(`second ${clock.now()}`), 10);
    clock.advance(9);
    expect(ran).toEqual([]);
    clock.advance(1);
    expect(ran).toEqual(['first 10', 'second 10']);
    clock.advance(100);
    expect(ran).toEqual(['first 10', 'second 10', 'late 20']);
    expect(clock.now()).toBe(110);
  });

  it('runs timers that timers set, when they are due within the same advance', () => {
    const clock = new ManualClock();
    const ran: number[] = [];
    const again = () => {
      ran.push(clock.now());
      clock.setTimeout(again, 10);
    };
    clock.setTimeout(again, 10);
    clock.advance(35);
    expect(ran).toEqual([10, 20, 30]);
    expect(clock.pendingTimers).toBe(1);
  });

  it('forgets cleared timers, also those cleared by an earlier one', () => {
    const clock = new ManualClock();
    const ran: string[] = [];
    const second = clock.setTimeout(() => ran.push('second'), 10);
    clock.setTimeout(() => {
      clock.clearTimeout(second);
      ran.push('first');
    }, 5);
    expect(clock.pendingTimers).toBe(2);
    clock.advance(10);
    expect(ran).toEqual(['first']);
    expect(clock.pendingTimers).toBe(0);
    clock.clearTimeout(second);
  });

  it('runs a timer of no or a senseless time at once when moved by 0', () => {
    const clock = new ManualClock();
    const ran: string[] = [];
    clock.setTimeout(() => ran.push('zero'), 0);
    clock.setTimeout(() => ran.push('negative'), -5);
    clock.setTimeout(() => ran.push('not a number'), Number.NaN);
    expect(ran).toEqual([]);
    clock.advance(0);
    expect(ran).toEqual(['zero', 'negative', 'not a number']);
  });

  it('leaps on the wall without moving on', () => {
    const clock = new ManualClock({ wallNow: 10_000 });
    clock.leap(-4_000);
    expect([clock.now(), clock.wallNow()]).toEqual([0, 6_000]);
  });

  it('runs immediates really, after the event loop has turned', async () => {
    const clock = new ManualClock();
    const ran: string[] = [];
    clock.setImmediate(() => ran.push('immediate'));
    clock.advance(1_000);
    await Promise.resolve();
    expect(ran).toEqual([]);
    await clock.settle();
    expect(ran).toEqual(['immediate']);
  });

  it('does not go back, and is not moved from inside', () => {
    const clock = new ManualClock();
    expect(() => clock.advance(-1)).toThrow('0 ms or more');
    expect(() => clock.advance(Number.NaN)).toThrow(RangeError);
    clock.setTimeout(() => clock.advance(1), 1);
    expect(() => clock.advance(1)).toThrow('from a timer of the same clock');
    clock.advance(1);
    expect(clock.now()).toBe(2);
  });
});
