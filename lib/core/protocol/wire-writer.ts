/**
 * Collects what one turn of the event loop wants to send. Text is one latin1 string, one character per
 * byte, which is faster than many small buffers; only larger bodies of bytes stand alone and are not copied.
 */

/** What a TLS record and memcached's read buffer hold, less some room for the line around a body. */
const RECORD_BYTES = 15_000;

/** Bytes up to this are cheaper as text in the common string than as a buffer of their own. */
const INLINE_BYTES = 2_048;

export class WireWriter {
  /** Text that follows the last of `#parts`. Appended to directly on the hot path. */
  text = '';
  #parts: (string | Uint8Array)[] = [];
  /** Bytes in `#parts`. */
  #partBytes = 0;
  /** Finished records, and how many bytes are in them. */
  #records: (string | Uint8Array)[][] = [];
  #recordedBytes = 0;

  get bytes(): number {
    return this.#partBytes + this.text.length;
  }

  /** Appends a line with its data block and that one's line end. Text must be ASCII, as {@link EncodedValue} promises. */
  block(line: string, body: string | Uint8Array): void {
    if (typeof body === 'string') {
      this.text += `${line}${body}\r\n`;
    } else if (body.length <= INLINE_BYTES) {
      this.text += `${line}${asLatin1(body)}\r\n`;
    } else {
      this.#parts.push(this.text + line, body);
      this.#partBytes += this.text.length + line.length + body.length;
      this.text = '\r\n';
    }
  }

  /**
   * Called before and after every command where records must hold whole commands ({@link takeRecords}).
   * @param coming - about how many bytes the next command has; 0 after one
   */
  align(coming: number): void {
    const open = this.bytes - this.#recordedBytes;
    if (open === 0 || open + coming <= RECORD_BYTES) return;
    const bytes = this.bytes;
    this.#recordedBytes = bytes;
    this.#records.push(this.#cut());
  }

  /** Everything collected, in records that each hold whole commands; the writer is empty afterwards. */
  takeRecords(): (string | Uint8Array)[][] {
    if (this.bytes > this.#recordedBytes) this.#records.push(this.#cut());
    const records = this.#records;
    this.#records = [];
    this.#recordedBytes = 0;
    this.#partBytes = 0;
    return records;
  }

  /** What was collected since the last cut; it still counts in `bytes`. */
  #cut(): (string | Uint8Array)[] {
    const parts = this.#parts;
    this.#partBytes += this.text.length;
    if (this.text !== '') parts.push(this.text);
    this.#parts = [];
    this.text = '';
    return parts;
  }

  /** Everything collected, in order; the writer is empty afterwards. */
  take(): (string | Uint8Array)[] {
    const parts = this.#parts;
    if (this.text !== '') parts.push(this.text);
    this.#parts = [];
    this.#partBytes = 0;
    this.text = '';
    return parts;
  }

  /** Like {@link take} when all of it is text, which is nearly always; `undefined` otherwise. */
  takeText(): string | undefined {
    if (this.#parts.length > 0) return undefined;
    const text = this.text;
    this.text = '';
    return text;
  }
}

function asLatin1(bytes: Uint8Array): string {
  return Buffer.isBuffer(bytes)
    ? bytes.toString('latin1')
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}
