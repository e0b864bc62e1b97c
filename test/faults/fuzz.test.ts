/** The readers of answers, fed with what nobody would send. The corpus is kept, and grows by what was found. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { corpus, feed, mutated } from './support/fuzzing.js';
import { seeded } from './support/random.js';

jest.mock('../../lib/core/connection/open-socket.js', () => {
  let fake: typeof import('./support/fed-connection.js') | undefined;
  return {
    openSocket: (...args: Parameters<typeof import('./support/fed-connection.js').fakeSocket>) => {
      fake ??= jest.requireActual<NonNullable<typeof fake>>('./support/fed-connection.js');
      return fake.fakeSocket(...args);
    },
  };
});
jest.setTimeout(600_000);

const isLong = process.env.CHECK_LONG !== undefined;

it.each(corpus())('$name harms nobody, whole or byte by byte', ({ dialect, bytes }) => {
  feed(dialect, bytes, (left) => left);
  feed(dialect, bytes, () => 1);
});

it('streams changed by chance harm nobody', () => {
  const seed = isLong ? Date.now() % 1_000_000_000 : 1;
  const random = seeded(seed);
  const streams = corpus();
  const end = performance.now() + (isLong ? 120_000 : 60_000);
  let slowest = 0;
  for (let run = 0; run < (isLong ? 1_000_000 : 3_000) && performance.now() < end; run++) {
    const { dialect, bytes } = streams[Math.floor(random() * streams.length)]!;
    const changed = mutated(bytes, random);
    const start = performance.now();
    try {
      feed(dialect, changed, () => Math.floor(random() * 200));
    } catch (error) {
      // Kept, so that it is tried first from now on.
      writeFileSync(join(__dirname, 'corpus', `${dialect}-${seed}-${run}`), changed);
      throw error;
    }
    slowest = Math.max(slowest, performance.now() - start);
  }
  // No stall: a stream of a few kilobytes takes a millisecond, and this is a guard.
  expect(slowest).toBeLessThan(2_000);
});
