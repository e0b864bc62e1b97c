/** The blacklist as a pure state machine. What a pool makes of it is in `blacklisting.test.ts`. */
import { BLACKLIST_MOVES, Blacklist, type BlacklistMove, STRIKES } from '../../lib/core/node/blacklist.js';

const TIME = 4_000;

function blacklist(random = 0.5) {
  const moves: BlacklistMove[] = [];
  return {
    moves,
    state: new Blacklist(
      TIME,
      0,
      (move) => moves.push(move),
      () => random,
    ),
  };
}

describe('blacklist', () => {
  test('begins idle, with nothing to say and nothing due', () => {
    const { state } = blacklist();
    expect(state).toMatchObject({ state: 'idle', reason: '', since: 0, until: undefined });
  });

  test('a refused connect strikes out at once, from idle and from up', () => {
    const fresh = blacklist();
    fresh.state.strikeOut('refused', 10);
    expect(fresh.state).toMatchObject({ state: 'blacklisted', reason: 'refused', since: 10, until: 4_010 });
    const used = blacklist();
    used.state.connected(5);
    used.state.strikeOut('refused', 10);
    expect(used.moves).toEqual([
      { from: 'idle', to: 'up', reason: '' },
      { from: 'up', to: 'blacklisted', reason: 'refused' },
    ]);
  });

  test('three strikes in a row blacklist, two do not', () => {
    const { state } = blacklist();
    state.connected(0);
    for (let strike = 1; strike < STRIKES; strike++) state.strike('late', strike);
    expect(state.state).toBe('up');
    state.strike('late', 9);
    expect(state).toMatchObject({ state: 'blacklisted', reason: 'late', since: 9 });
  });

  test('an answer in time between strikes begins the count anew', () => {
    const { state } = blacklist();
    state.connected(0);
    for (let round = 0; round < 5; round++) {
      state.strike('late', round);
      state.strike('late', round);
      state.answered();
    }
    expect(state.state).toBe('up');
  });

  test('a connection that comes up does not wipe out strikes: only answers do', () => {
    const { state } = blacklist();
    state.connected(0);
    for (let strike = 0; strike < STRIKES; strike++) {
      state.strike('lost', strike);
      if (strike < STRIKES - 1) state.connected(strike);
    }
    expect(state.state).toBe('blacklisted');
  });

  test('a failed probe means another blacklist time, never a longer one', () => {
    const { state, moves } = blacklist();
    state.strikeOut('refused', 0);
    for (const now of [4_000, 8_000, 12_000]) {
      state.probeFailed('still refused', now);
      expect(state).toMatchObject({
        state: 'blacklisted',
        until: now + TIME,
        since: 0,
        reason: 'still refused',
      });
    }
    expect(moves).toHaveLength(1);
  });

  test('a probe that succeeds readmits, and old strikes are forgotten', () => {
    const { state } = blacklist();
    state.connected(0);
    for (let i = 0; i < STRIKES; i++) state.strike('late', i);
    state.connected(4_000);
    expect(state).toMatchObject({ state: 'up', reason: '', since: 4_000, until: undefined });
    state.strike('late', 4_001);
    state.strike('late', 4_002);
    expect(state.state).toBe('up');
  });

  test.each([
    [0, 3_600],
    [0.5, 4_000],
    [0.999_999, 4_400],
  ])('with chance %p the probe is due after %i ms: a tenth around the blacklist time', (random, due) => {
    const { state } = blacklist(random);
    state.strikeOut('refused', 0);
    expect(Math.round(state.until!)).toBe(due);
  });

  test('while blacklisted further trouble changes nothing and tells nobody', () => {
    const { state, moves } = blacklist();
    state.strikeOut('refused', 0);
    state.strike('late', 1);
    state.strikeOut('refused again', 2);
    expect(state).toMatchObject({ since: 0, until: TIME, reason: 'refused' });
    expect(moves).toHaveLength(1);
  });

  test('the moves it makes are the moves there are', () => {
    const { state, moves } = blacklist();
    state.strikeOut('a', 0);
    state.connected(1);
    state.strikeOut('b', 2);
    const other = blacklist();
    other.state.connected(0);
    const made = new Set([...moves, ...other.moves].map(({ from, to }) => `${from} ${to}`));
    const legal = Object.entries(BLACKLIST_MOVES).flatMap(([from, tos]) => tos.map((to) => `${from} ${to}`));
    expect([...made].sort()).toEqual(legal.sort());
  });
});
