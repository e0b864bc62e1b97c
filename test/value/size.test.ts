import { largestValue } from '../../lib/core/value/size.js';

describe('largestValue', () => {
  // What memcached 1.6.18 stored and refused at -I 1m.
  it('is what a server with that -I stores', () => {
    expect(largestValue(1_048_576, 1, 0)).toBe(1_048_516);
    expect(largestValue(1_048_576, 1, 9)).toBe(1_048_512);
  });

  it('is below 0 when there is no room for the key', () => {
    expect(largestValue(64, 10, 1)).toBeLessThan(0);
  });
});
