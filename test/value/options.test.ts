import { MemcachedOptionError } from '../../lib/core/base/errors.js';
import { createCodec } from '../../lib/core/value/default-codec.js';
import type { CodecOptions } from '../../lib/core/value/options.js';
import { thrownBy } from './support.js';

function complaint(options: object, where?: string): string {
  const error = thrownBy(() => createCodec(options as CodecOptions, where));
  expect(error).toBeInstanceOf(MemcachedOptionError);
  return error.message;
}

const text = 'x'.repeat(9000);

describe('createCodec', () => {
  it('takes undefined for the default', () => {
    const options = {
      compression: undefined,
      maxDepth: undefined,
      maxDecompressedSize: undefined,
      serializer: undefined,
    };
    expect(createCodec(options).encode(text).flags).toBe(1);
    expect(
      createCodec({ compression: { algorithm: undefined, above: undefined, level: undefined } }).encode(text)
        .flags,
    ).toBe(17);
  });

  it('converts what the environment can only give as text', () => {
    const options = {
      compression: 'true',
      maxDecompressedSize: '1m',
      maxDepth: '2',
    } as unknown as CodecOptions;
    expect(createCodec(options).encode(text).flags).toBe(17);
    expect(() => createCodec(options).encode([[[]]])).toThrow('it is over 2 levels (maxDepth)');
    expect(createCodec({ compression: 'false' } as unknown as CodecOptions).encode(text).flags).toBe(1);
    expect(createCodec({ compression: { above: '4k', level: '9' } }).encode(text.slice(0, 4097)).flags).toBe(
      17,
    );
  });

  it('refuses what it does not know, with the way out', () => {
    expect(complaint({ maxDept: 3 })).toBe(
      'createCodec(): there is no option "maxDept". Did you mean "maxDepth"?',
    );
    expect(complaint({ compression: { algoritm: 'gzip' } }, 'new MemcachedPool()')).toBe(
      'new MemcachedPool(), option "compression": there is no option "algoritm". Did you mean "algorithm"?',
    );
  });

  it.each([
    [{ compression: 'gzip' }, 'option "compression" must be false, true, or an object'],
    [{ compression: null }, 'option "compression" must be false, true, or an object'],
    [{ compression: [] }, 'option "compression"'],
    [{ compression: { algorithm: 'zip' } }, `option "algorithm" must be one of 'deflate', 'gzip', 'brotli'`],
    [{ compression: { above: -1 } }, 'option "above" must be bytes from 0'],
    [{ compression: { level: 0 } }, 'option "level" must be from 1 to 9 for deflate, not 0.'],
    [{ compression: { level: 10 } }, 'option "level" must be from 1 to 9 for deflate, not 10.'],
    [
      { compression: { algorithm: 'brotli', level: 12 } },
      'option "level" must be a whole number from 0 to 11',
    ],
    [{ maxDecompressedSize: 0 }, 'option "maxDecompressedSize" must be bytes from 1024'],
    [{ maxDepth: 0 }, 'option "maxDepth" must be a whole number from 1 to 1000, not 0.'],
    [{ maxDepth: 1001 }, 'option "maxDepth" must be a whole number from 1 to 1000, not 1001.'],
    [{ serializer: {} }, 'option "serializer" must be an object { name, serialize, deserialize }'],
    [{ serializer: null }, 'option "serializer" must be an object { name, serialize, deserialize }'],
    [{ serializer: JSON }, 'option "serializer" must be an object { name, serialize, deserialize }'],
  ])('refuses %j', (options, sentence) => {
    expect(complaint(options)).toContain(sentence);
  });
});
