import { largestValue } from '../../lib/core/value/size.js';

describe('largestValue', () => {
  // What memcached 1.6.18 stored and refused at -I 1m.
  it('is what a server with that -I stores', () => {
    expect(largestValue(1_048_576, 'k', 0)).toBe(1_048_516);
    expect(largestValue(1_048_576, 'k', 9)).toBe(1_048_512);
  });

  it('counts the key in bytes', () => {
    expect(largestValue(1_048_576, 'ключ', 1)).toBe(largestValue(1_048_576, '8 bytes!', 1));
  });

  it('is below 0 when there is no room for the key', () => {
    expect(largestValue(64, 'a long key', 1)).toBeLessThan(0);
  });
});
