/** What holds of keys, lifetimes and the blacklist whatever they are given, in whatever order. */
import fc from 'fast-check';
import { toExptime } from '../../lib/core/command/expiry.js';
import { toDigestedWireKey, toWireKey } from '../../lib/core/command/keys.js';
import { BLACKLIST_MOVES, Blacklist, type BlacklistMove, STRIKES } from '../../lib/core/node/blacklist.js';
import { RequestFiller } from '../../lib/core/pool/requests.js';
import { createCodec } from '../../lib/core/value/default-codec.js';
import { ManualClock } from '../../lib/testing/index.js';

const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: 'binary-ascii', minLength: 200, maxLength: 400 }),
);
/** What may stand on the wire: one character per byte, none that ends a token. */
const ON_THE_WIRE = /^[\x21-\x7e\x80-\xff]{1,250}$/;

it('a wire key is the bytes of its key, or there is none', () => {
  fc.assert(
    fc.property(anyText, (key) => {
      let wire: string;
      try {
        wire = toWireKey(key);
      } catch (error) {
        expect(error).toMatchObject({ code: 'MEMCACHED_KEY' });
        return;
      }
      expect(wire).toMatch(ON_THE_WIRE);
      expect(Buffer.from(wire, 'latin1').toString('utf8')).toBe(key);
    }),
  );
});

it('every key but the empty one has a digested wire key, and no two the same', () => {
  fc.assert(
    fc.property(anyText, anyText, (one, other) => {
      fc.pre(one !== '' && other !== '');
      const [first, second] = [toDigestedWireKey(one), toDigestedWireKey(other)];
      expect(first).toMatch(ON_THE_WIRE);
      expect(first === second).toBe(one === other);
      // Not even by writing the digest of another key.
      expect(toDigestedWireKey(first) === first).toBe(first === one);
    }),
  );
});

it.each(['refuse', 'digest'] as const)(
  'what was found out about one key is never held for another (longKeys: %s)',
  (longKeys) => {
    const filler = new RequestFiller(createCodec(), new ManualClock(), 1_048_576, longKeys);
    const outcome = (work: () => string): string => {
      try {
        return work();
      } catch (error) {
        return String(error);
      }
    };
    const key = fc.oneof(anyText, fc.constantFrom('', 'key', 'key\r\n', 'k e y', 'kéy', 'sha256:x'));
    fc.assert(
      fc.property(fc.array(key, { minLength: 1, maxLength: 8 }), (keys) => {
        for (const one of keys) {
          outcome(() => toDigestedWireKey(one));
          for (const asked of [one, ...keys]) {
            expect(outcome(() => filler.toWireAgain(asked))).toBe(outcome(() => filler.toWire(asked)));
          }
        }
      }),
    );
  },
);

it('an expiry time is never sooner than asked, never a second too late, and always what memcached can take', () => {
  const ttls = fc.double({ min: 0, max: 12 * 365 * 86_400_000, noNaN: true });
  fc.assert(
    fc.property(ttls, fc.integer({ min: 0, max: 999 }), (ttl, milliseconds) => {
      const clock = new ManualClock({ wallNow: Date.UTC(2024, 0, 1) + milliseconds });
      const exptime = toExptime(ttl, clock);
      expect(Number.isSafeInteger(exptime) && exptime >= 0 && exptime < 2 ** 31).toBe(true);
      if (ttl === 0) return expect(exptime).toBe(0);
      const lasts = exptime > 2_592_000 ? exptime * 1_000 - clock.wallNow() : exptime * 1_000;
      expect(lasts).toBeGreaterThanOrEqual(ttl);
      expect(lasts).toBeLessThan(Math.max(ttl, 1) + 1_000);
    }),
  );
});

it('a blacklist only moves as it may, and owes a probe exactly while it holds', () => {
  const event = fc.constantFrom('connected', 'answered', 'strike', 'strikeOut', 'probeFailed');
  const events = fc.array(fc.tuple(event, fc.integer({ min: 0, max: 5_000 })), { maxLength: 40 });
  fc.assert(
    fc.property(events, fc.double({ min: 0, max: 0.999, noNaN: true }), (sequence, chance) => {
      const moves: BlacklistMove[] = [];
      const list = new Blacklist(
        4_000,
        0,
        (move) => moves.push(move),
        () => chance,
      );
      let now = 0;
      let strikes = 0;
      for (const [name, wait] of sequence) {
        now += wait;
        const before = list.state;
        if (name === 'answered') list.answered();
        else if (name === 'connected') list.connected(now);
        else list[name]('why', now);
        // Told by hand what the machine must know.
        if (name === 'answered' || list.state !== before) strikes = 0;
        else if (name === 'strike' && before !== 'blacklisted') strikes++;
        expect(strikes).toBeLessThan(STRIKES);
        expect(list.until !== undefined).toBe(list.state === 'blacklisted');
        const isNew = list.state === 'blacklisted' && (before !== list.state || name === 'probeFailed');
        if (isNew) expect(Math.abs(list.until! - now - 4_000)).toBeLessThanOrEqual(400);
        if (name === 'connected') expect(list.state).toBe('up');
        if (name === 'strikeOut') expect(list.state).toBe('blacklisted');
      }
      for (const { from, to } of moves) expect(BLACKLIST_MOVES[from]).toContain(to);
      expect(moves.at(-1)?.to ?? 'idle').toBe(list.state);
    }),
  );
});
