import { constants } from 'node:buffer';
import * as fc from 'fast-check';
import { createCodec } from '../../lib/core/value/default-codec.js';
import { bodyOf, codec } from './support.js';

const JSON_FLAGS = codec.encode({}).flags;

/** The second of a pair in the middle of a buffer with the same signs around. */
function behind(head: string, body: Buffer, flags = JSON_FLAGS, by = codec): unknown {
  const around = Buffer.from(']"h",1]');
  const lent = Buffer.concat([around, body, around]);
  return by.decodeBehind(head, flags, lent, around.length, around.length + body.length);
}

/** The same by making the pair. */
function ofPair(head: string, body: Buffer, flags = JSON_FLAGS): unknown {
  try {
    const pair = codec.decode(flags, body, 0, body.length);
    return Array.isArray(pair) && pair.length === 2 && pair[0] === head ? pair[1] : undefined;
  } catch {
    return undefined;
  }
}

describe('decodeBehind', () => {
  it('gives the second of a pair under its head, and nothing under another', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.jsonValue(), (head, other, value) => {
        const { flags, ...encoded } = codec.encode([head, value]);
        const body = bodyOf({ flags, ...encoded });
        expect(behind(head, body, flags)).toStrictEqual(
          flags === JSON_FLAGS ? ofPair(head, body, flags) : undefined,
        );
        if (other !== head) expect(behind(other, body, flags)).toBeUndefined();
      }),
    );
    expect(behind('h', Buffer.from('["h",{"a":[1,null]}]'))).toEqual({ a: [1, null] });
    expect(behind('a"b\\', Buffer.from(JSON.stringify(['a"b\\', null])))).toBeNull();
  });

  it('gives what the whole pair would give, or nothing, whatever the bytes are', () => {
    const tokens = fc.constantFrom(...'[]{},:"h1 \\', '["h",', '"h"', 'null', '{"a":1}', ']', '\u00e9');
    fc.assert(
      fc.property(fc.array(tokens), (parts) => {
        for (const text of [parts.join(''), `["h",${parts.join('')}]`]) {
          const body = Buffer.from(text, 'latin1');
          const found = behind('h', body);
          if (found !== undefined) expect(found).toStrictEqual(ofPair('h', body));
        }
      }),
      { numRuns: 5_000 },
    );
    for (const text of [
      '["h"]',
      '["h",]',
      '["h",1,2]',
      '["h",1',
      '["h",1]x',
      '["h",1]]',
      '[["h",1]',
      '["h",[1]',
    ])
      expect(behind('h', Buffer.from(text))).toBeUndefined();
  });

  it('leaves alone what is no JSON, is more than this codec parses, or has a decoder of its own', () => {
    const body = Buffer.from('["h",1]');
    for (let flags = 0; flags <= 64; flags++)
      if (flags !== JSON_FLAGS) expect(behind('h', body, flags)).toBeUndefined();
    const small = createCodec({ maxDecompressedSize: 1_024 });
    const sized = (bytes: number) => Buffer.from(`["h",${'1'.padStart(bytes - 6)}]`);
    expect(behind('h', sized(1_024), JSON_FLAGS, small)).toBe(1);
    expect(behind('h', sized(1_025), JSON_FLAGS, small)).toBeUndefined();
  });

  it('throws nothing, not even for more than a string can hold', () => {
    const large = createCodec({ maxDecompressedSize: 2 ** 30 });
    const body = Buffer.alloc(constants.MAX_STRING_LENGTH + 10);
    body.write('["h",', 'latin1');
    body[body.length - 1] = 0x5d;
    expect(large.decodeBehind('h', JSON_FLAGS, body, 0, body.length)).toBeUndefined();
  });
});
