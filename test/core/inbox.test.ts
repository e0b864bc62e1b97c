import fc from 'fast-check';
import { Inbox } from '../../lib/core/connection/inbox.js';

const KIB = 1_024;

/** What a socket would do: fills what is lent, by default to the brim, with the stream's next bytes. */
class Reading {
  readonly inbox = new Inbox();
  /** What the socket reads into. */
  #room: Uint8Array = new Uint8Array();
  #sent = 0;

  constructor(readonly stream: Buffer) {}

  /** @returns how many bytes arrived */
  read(most = Number.POSITIVE_INFINITY): number {
    this.#room = this.inbox.lend() ?? this.#room;
    expect(this.#room.length).toBeGreaterThan(0);
    const count = Math.min(most, this.#room.length, this.stream.length - this.#sent);
    this.stream.copy(this.#room, 0, this.#sent, this.#sent + count);
    this.#sent += count;
    this.inbox.received(count);
    return count;
  }
}

/** An answer here is its length in four bytes and then that many in all. */
function answers(sizes: readonly number[]): Buffer {
  return Buffer.concat(
    sizes.map((size, index) => {
      const answer = Buffer.alloc(size, index + 1);
      answer.writeUInt32BE(size, 0);
      return answer;
    }),
  );
}

/** Consumes what is complete. @returns the answers, copied */
function consume(inbox: Inbox): Buffer[] {
  const taken: Buffer[] = [];
  for (;;) {
    const unread = inbox.to - inbox.from;
    const need = unread < 4 ? 0 : inbox.bytes.readUInt32BE(inbox.from);
    if (need === 0 || unread < need) {
      inbox.settle(need);
      return taken;
    }
    taken.push(Buffer.from(inbox.bytes.subarray(inbox.from, inbox.from + need)));
    inbox.from += need;
  }
}

describe('an inbox', () => {
  it('hands out every answer as it was sent, however the bytes arrive', () => {
    const size = fc.oneof(
      fc.integer({ min: 4, max: 200 }),
      fc.integer({ min: 4, max: 40 * KIB }),
      fc.integer({ min: 60 * KIB, max: 600 * KIB }),
    );
    const portions = fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 300 * KIB }));
    fc.assert(
      fc.property(
        fc.array(size, { minLength: 1, maxLength: 12 }),
        fc.infiniteStream(portions),
        (sizes, some) => {
          const reading = new Reading(answers(sizes));
          const taken: Buffer[] = [];
          // Byte by byte would take too long for large ones; every read brings a tenth of a percent at least.
          const least = Math.ceil(reading.stream.length / 1_000);
          while (reading.read(Math.max(least, some.next().value)) > 0) taken.push(...consume(reading.inbox));
          expect(Buffer.concat(taken).equals(reading.stream)).toBe(true);
          expect(taken.map((answer) => answer.length)).toEqual(sizes);
        },
      ),
    );
  });

  it('takes 256 KiB at once when answers of 10 KB come faster than it reads', () => {
    const reading = new Reading(answers(Array.from({ length: 200 }, () => 10_031)));
    const counts: number[] = [];
    for (let count = reading.read(); count > 0; count = reading.read()) {
      consume(reading.inbox);
      counts.push(count);
    }
    // What is left of an answer goes before the next read.
    expect(counts[0]).toBe(64 * KIB);
    expect(Math.max(...counts)).toBeGreaterThan(246 * KIB);
    expect(counts.length).toBeLessThan(12);
  });

  it('does not grow while reads leave room', () => {
    const reading = new Reading(answers(Array.from({ length: 200 }, () => 10_031)));
    while (reading.read(50 * KIB) > 0) consume(reading.inbox);
    expect(reading.inbox.bytes.length).toBe(64 * KIB);
  });

  it('reads the rest of a large answer into memory of exactly its size', () => {
    const reading = new Reading(answers([100, 500_000, 100]));
    reading.read();
    expect(consume(reading.inbox)).toHaveLength(1);
    const { bytes } = reading.inbox;
    expect(reading.inbox).toMatchObject({ dedicated: true, from: 0 });
    expect(bytes.length).toBe(500_000);
    expect(reading.read()).toBe(500_000 - (64 * KIB - 100));
    expect(consume(reading.inbox)).toHaveLength(1);
    expect(reading.inbox).toMatchObject({ dedicated: false, from: 0, to: 0 });
    expect(reading.read()).toBe(100);
    expect(consume(reading.inbox)).toHaveLength(1);
    expect(reading.inbox.bytes).not.toBe(bytes);
  });

  it('leaves the first half of an answer where it is', () => {
    const reading = new Reading(answers([10, 50_000]));
    reading.read(40_000);
    expect(consume(reading.inbox)).toHaveLength(1);
    expect(reading.inbox.from).toBe(10);
    reading.read();
    expect(consume(reading.inbox)).toHaveLength(1);
  });
});
