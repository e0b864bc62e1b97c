/**
 * Collects what one turn of the event loop wants to send. Text is one latin1 string, one character per
 * byte, which is faster than many small buffers; only larger bodies of bytes stand alone and are not copied.
 */

/** Bytes up to this are cheaper as text in the common string than as a buffer of their own. */
const INLINE_BYTES = 2_048;

export class WireWriter {
  /** Text that follows the last of `#parts`. Appended to directly on the hot path. */
  text = '';
  #parts: (string | Uint8Array)[] = [];
  /** Bytes in `#parts`. */
  #partBytes = 0;

  get bytes(): number {
    return this.#partBytes + this.text.length;
  }

  /** Appends a data block and its line end. Text must be ASCII, as {@link EncodedValue} promises. */
  block(body: string | Uint8Array): void {
    if (typeof body === 'string') {
      this.text += body;
      this.text += '\r\n';
    } else if (body.length <= INLINE_BYTES) {
      this.text += asLatin1(body);
      this.text += '\r\n';
    } else {
      this.#parts.push(this.text, body);
      this.#partBytes += this.text.length + body.length;
      this.text = '\r\n';
    }
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
