/**
 * The two text protocols as {@link Protocol}s. A server that knows meta still speaks classic for what has
 * no meta form: batches, stats, version and flush_all.
 */
import type { Reply } from '../command/reply.js';
import { type Request, Verb } from '../command/request.js';
import { decodeClassic, readExpected } from './classic/decode.js';
import { encodeClassic } from './classic/encode.js';
import { decodeConfirmed } from './meta/confirmed.js';
import { decodeMeta } from './meta/decode.js';
import { encodeMeta } from './meta/encode.js';
import { decodeQuiet } from './meta/quiet.js';
import type { Protocol } from './protocol.js';
import type { WireWriter } from './wire-writer.js';

export class ClassicProtocol implements Protocol {
  readonly name = 'classic';
  constructor(readonly maxValueBytes: number) {}

  encode(request: Request, _opaque: number, writer: WireWriter): boolean {
    return encodeClassic(request, writer);
  }

  decode(request: Request, _opaque: number, bytes: Buffer, from: number, to: number, reply: Reply): number {
    reply.need = 0;
    reply.more = false;
    return decodeClassic(request, bytes, from, to, reply, this.maxValueBytes);
  }

  decodeListed(key: string, bytes: Buffer, from: number, to: number, reply: Reply): number {
    return readExpected(key, bytes, from, to, reply, this.maxValueBytes);
  }
}

/** Proxies that close the connection at what they do not know (twemproxy, mcrouter) are not asked for it. */
export class ProxyProtocol extends ClassicProtocol {
  override encode(request: Request, opaque: number, writer: WireWriter): boolean {
    const { verb } = request;
    if (verb === Verb.gat || verb === Verb.stats || verb === Verb.flushAll) return false;
    return super.encode(request, opaque, writer);
  }
}

export class MetaProtocol implements Protocol {
  readonly name = 'meta';
  constructor(readonly maxValueBytes: number) {}

  encode(request: Request, opaque: number, writer: WireWriter): boolean {
    return encodeMeta(request, opaque, writer) || encodeClassic(request, writer);
  }

  decode(request: Request, opaque: number, bytes: Buffer, from: number, to: number, reply: Reply): number {
    reply.need = 0;
    reply.more = false;
    const { verb } = request;
    if (verb === Verb.getConfirmed)
      return decodeConfirmed(request, opaque, bytes, from, to, reply, this.maxValueBytes);
    if (verb === Verb.setQuietly) return decodeQuiet(request, opaque, bytes, from, to, reply);
    return verb === Verb.getBatch || verb >= Verb.flushAll
      ? decodeClassic(request, bytes, from, to, reply, this.maxValueBytes)
      : decodeMeta(request, opaque, bytes, from, to, reply, this.maxValueBytes);
  }

  decodeListed(key: string, bytes: Buffer, from: number, to: number, reply: Reply): number {
    return readExpected(key, bytes, from, to, reply, this.maxValueBytes);
  }
}
