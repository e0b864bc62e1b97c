import { randomBytes } from 'node:crypto';
import { brotliCompressSync, deflateSync, gunzipSync, gzipSync, inflateSync } from 'node:zlib';
import { MemcachedDecodeError } from '../../lib/core/base/errors.js';
import { createCodec } from '../../lib/core/value/default-codec.js';
import { bodyOf, codec, decodeBody, roundTrip, thrownBy } from './support.js';

const repetitive = 'the same again and again, '.repeat(1000);
const packers = [deflateSync, gzipSync, brotliCompressSync];

describe('compression', () => {
  it('is off by default', () => {
    expect(codec.encode(repetitive)).toMatchObject({ flags: 1, bytes: repetitive.length });
  });

  it('packs values above 8 KiB when it is on', () => {
    const packing = createCodec({ compression: true });
    expect(packing.encode('x'.repeat(8192)).flags).toBe(1);
    const encoded = packing.encode('x'.repeat(8193));
    expect(encoded.flags).toBe(1 | (1 << 4));
    expect(inflateSync(bodyOf(encoded)).toString()).toBe('x'.repeat(8193));
  });

  it('is undone by any codec, whatever it packs with itself', () => {
    const values = [
      repetitive,
      repetitive.replaceAll('e', 'é'),
      Buffer.from(repetitive),
      new Uint8Array(9999),
      { repetitive },
      { repetitive, é: 'ü' },
      { repetitive, at: new Date(1) },
    ];
    for (const [i, algorithm] of (['deflate', 'gzip', 'brotli'] as const).entries()) {
      const packing = createCodec({ compression: { algorithm } });
      for (const value of values) {
        const encoded = packing.encode(value);
        expect(encoded.flags >> 4).toBe(i + 1);
        expect(encoded.bytes).toBeLessThan(1000);
        expect(decodeBody(encoded.flags, bodyOf(encoded))).toStrictEqual(value);
      }
    }
  });

  it('can be read by other programs', () => {
    const encoded = createCodec({ compression: { algorithm: 'gzip' } }).encode({ repetitive });
    expect(JSON.parse(gunzipSync(bodyOf(encoded)).toString())).toStrictEqual({ repetitive });
  });

  it('is not kept when it makes nothing smaller', () => {
    const noise = randomBytes(9000);
    for (const algorithm of ['deflate', 'gzip', 'brotli'] as const) {
      expect(createCodec({ compression: { algorithm, above: 0 } }).encode(noise)).toMatchObject({
        flags: 3,
        body: noise,
      });
    }
  });

  it('never touches what the server counts with', () => {
    const packing = createCodec({ compression: { above: 0 } });
    for (const value of [10n ** 19n, 10n ** 500n, 1e20, true, null]) {
      expect(packing.encode(value)).toStrictEqual(codec.encode(value));
    }
  });

  it('leaves alone what no reader would unpack', () => {
    const packing = createCodec({ compression: true, maxDecompressedSize: '16k' });
    expect(packing.encode('x'.repeat(16_384)).flags).toBe(17);
    expect(packing.encode('x'.repeat(16_385)).flags).toBe(1);
    expect(roundTrip('x'.repeat(16_385), packing)).toBe('x'.repeat(16_385));
  });

  it('packs harder at a higher level', () => {
    const text = Array.from({ length: 3000 }, (_, i) => `item ${(i * 7919) % 3001}`).join();
    for (const [algorithm, low, high] of [
      ['deflate', 1, 9],
      ['gzip', 1, 9],
      ['brotli', 0, 11],
    ] as const) {
      const size = (level: number) => createCodec({ compression: { algorithm, level } }).encode(text).bytes;
      expect(size(high)).toBeLessThan(size(low));
    }
  });
});

describe('a compressed body', () => {
  it.each([0, 1, 2])('that would unpack to more than maxDecompressedSize is refused (algorithm %d)', (i) => {
    const bomb = packers[i]!(Buffer.alloc(1025));
    const small = createCodec({ maxDecompressedSize: 1024 });
    const flags = 3 | ((i + 1) << 4);
    expect(() => decodeBody(flags, bomb, small)).toThrow(
      'unpacks to more than 1024 bytes (maxDecompressedSize).',
    );
    expect(decodeBody(flags, packers[i]!(Buffer.alloc(1024)), small)).toHaveLength(1024);
  });

  it('of 100 MiB packed small is refused without being unpacked in full', () => {
    const bomb = gzipSync(Buffer.alloc(100 * 1024 ** 2), { level: 1 });
    const before = process.memoryUsage().arrayBuffers;
    const error = thrownBy(() => codec.decode(3 | (2 << 4), bomb, 0, bomb.length));
    expect(error).toBeInstanceOf(MemcachedDecodeError);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(80 * 1024 ** 2);
  });

  it.each([0, 1, 2])('that is cut, or has bytes before or behind it, is refused (algorithm %d)', (i) => {
    const packed = packers[i]!(Buffer.from(repetitive));
    const flags = 1 | ((i + 1) << 4);
    expect(decodeBody(flags, packed)).toBe(repetitive);
    for (const body of [packed.subarray(0, -1), packed.subarray(0, 5), packed.subarray(1), Buffer.alloc(0)]) {
      expect(() => decodeBody(flags, body)).toThrow(MemcachedDecodeError);
    }
    for (const appended of ['x', 'more text', '\0\0\0\0\0\0\0\0']) {
      expect(() => decodeBody(flags, Buffer.concat([packed, Buffer.from(appended)]))).toThrow(
        MemcachedDecodeError,
      );
      expect(() => decodeBody(flags, Buffer.concat([Buffer.from(appended), packed]))).toThrow(
        MemcachedDecodeError,
      );
    }
  });
});
