/** What one turn wants to send, collected in order, whole or in records of whole commands. */
import { WireWriter } from '../../../lib/core/protocol/wire-writer.js';

const bytesOf = (parts: readonly (string | Uint8Array)[]) =>
  Buffer.concat(
    parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : part)),
  ).toString('latin1');

/** Commands of many sizes, with bodies of text and of bytes. */
const commands = Array.from({ length: 400 }, (_, i) => {
  const length = (i * i * 37) % (i % 50 === 0 ? 40_000 : 3_000);
  const body = i % 2 ? 'x'.repeat(length) : Buffer.alloc(length, 0x80 + (i % 100));
  return { line: `set key:${i} ${length}\r\n`, body };
});
const asText = ({ line, body }: (typeof commands)[number]) =>
  `${line}${typeof body === 'string' ? body : body.toString('latin1')}\r\n`;

describe('wire writer', () => {
  test('gives everything back in order, and is empty afterwards', () => {
    const writer = new WireWriter();
    for (const { line, body } of commands) {
      writer.block(line, body);
    }
    const expected = commands.map(asText).join('');
    expect(writer.bytes).toBe(expected.length);
    expect(bytesOf(writer.take()) === expected).toBe(true);
    expect(writer.bytes).toBe(0);
    expect(writer.take()).toEqual([]);
  });

  test('small bodies are one text with their commands, large ones are not copied', () => {
    const writer = new WireWriter();
    writer.block('a\r\n', Buffer.alloc(2_048, 1));
    expect(writer.takeText()).toHaveLength(3 + 2_048 + 2);
    const large = Buffer.alloc(2_049, 1);
    writer.block('a\r\n', large);
    expect(writer.takeText()).toBeUndefined();
    expect(writer.take()[1]).toBe(large);
  });

  test('records hold whole commands, none of them larger than it must be, and all bytes once', () => {
    const writer = new WireWriter();
    for (const command of commands) {
      const size = asText(command).length;
      writer.align(size);
      writer.block(command.line, command.body);
      writer.align(0);
    }
    const expected = commands.map(asText).join('');
    expect(writer.bytes).toBe(expected.length);
    const records = writer.takeRecords().map(bytesOf);
    expect(records.join('') === expected).toBe(true);
    expect(records.length).toBeGreaterThan(10);
    const ends = new Set<number>();
    let end = 0;
    for (const command of commands) {
      end += asText(command).length;
      ends.add(end);
    }
    let at = 0;
    for (const record of records) {
      at += record.length;
      expect(ends.has(at)).toBe(true);
      const isOne = record.indexOf('\r\nset key:') === -1;
      expect(record.length <= 16_384 || isOne).toBe(true);
    }
    expect(writer.bytes).toBe(0);
    expect(writer.takeRecords()).toEqual([]);
  });
});
