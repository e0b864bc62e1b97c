import { MemcachedDecodeError } from '../../lib/core/base/errors.js';
import { bodyOf, codec, decodeBody } from './support.js';

const NUMBER = 5;
const BIGINT = 8;

function textOf(value: unknown): string {
  return bodyOf(codec.encode(value)).toString('latin1');
}

describe('a number', () => {
  it('is stored as the decimal text that incr counts on from', () => {
    expect(textOf(41)).toBe('41');
    expect(textOf(2 ** 53)).toBe('9007199254740992');
    expect(textOf(2 ** 63)).toBe('9223372036854775808');
    expect(textOf(2 ** 64 - 2048)).toBe('18446744073709549568');
  });

  it('is read with the spaces that decr leaves behind', () => {
    expect(decodeBody(NUMBER, '9 ')).toBe(9);
    expect(decodeBody(NUMBER, '0    ')).toBe(0);
    expect(decodeBody(NUMBER, '9007199254740991   ')).toBe(Number.MAX_SAFE_INTEGER);
  });

  it('is an error when an incr took it past what a number can hold', () => {
    expect(() => decodeBody(NUMBER, '9007199254740993')).toThrow(
      'an incr took it beyond what a number can hold',
    );
    expect(() => decodeBody(NUMBER, '18446744073709551615')).toThrow(MemcachedDecodeError);
    expect(decodeBody(NUMBER, '9007199254740994')).toBe(2 ** 53 + 2);
  });

  it.each([
    '',
    ' ',
    ' 9',
    '09',
    '00',
    '+9',
    '1.',
    '.5',
    '1.50',
    '0x10',
    '1e3',
    '1_000',
    '9\0',
    '9\n',
    'nan',
    'inf',
    '--1',
    '-',
    '9 9',
    '1'.repeat(400),
    '9'.repeat(23),
    '\u0669',
  ])('is an error when it is written as no number is (%j)', (text) => {
    expect(() => decodeBody(NUMBER, text)).toThrow(MemcachedDecodeError);
  });

  it('is right for every count of digits', () => {
    for (let digits = 1; digits <= 16; digits++) {
      for (const value of [10 ** (digits - 1), 10 ** digits - 1]) {
        if (Number.isSafeInteger(value)) expect(decodeBody(NUMBER, String(value))).toBe(value);
      }
    }
  });
});

describe('a bigint', () => {
  it('is stored as decimal text as far as the server can count', () => {
    expect(textOf(0n)).toBe('0');
    expect(textOf(2n ** 64n - 1n)).toBe('18446744073709551615');
    expect(textOf(-5n)).toBe('-5');
  });

  it('is stored as hexadecimal text beyond', () => {
    expect(textOf(2n ** 64n)).toBe('0x10000000000000000');
    expect(textOf(-(2n ** 64n))).toBe('-0x10000000000000000');
  });

  it('is read with the spaces that decr leaves behind', () => {
    expect(decodeBody(BIGINT, '18446744073709551615 ')).toBe(2n ** 64n - 1n);
    expect(decodeBody(BIGINT, '9  ')).toBe(9n);
  });

  it.each([
    '',
    ' ',
    ' 1',
    '01',
    '-0',
    '+1',
    '1n',
    '1.0',
    '0x',
    '0x0',
    '0X1',
    '0xg',
    '--0x1',
    '1e3',
    '9'.repeat(100),
  ])('is an error when it is written as no bigint is (%j)', (text) => {
    expect(() => decodeBody(BIGINT, text)).toThrow(MemcachedDecodeError);
  });
});
