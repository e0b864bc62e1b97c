/**
 * Requests as lines of the classic text protocol, which every server and proxy knows. `noreply` is never
 * used: behind proxies errors are answered all the same, and then every later answer is someone else's.
 */
import { type Request, Verb } from '../../command/request.js';
import type { WireWriter } from '../wire-writer.js';

/** @returns false when the command has no classic form. */
export function encodeClassic(request: Request, writer: WireWriter): boolean {
  const { key } = request;
  switch (request.verb) {
    case Verb.get:
    case Verb.peek:
      writer.text += `get ${key}\r\n`;
      return true;
    case Verb.getBatch:
      writer.text += `get ${request.keys!.join(' ')}\r\n`;
      return true;
    case Verb.gets:
      writer.text += `gets ${key}\r\n`;
      return true;
    case Verb.gat:
      writer.text += `gat ${request.exptime} ${key}\r\n`;
      return true;
    case Verb.set:
      store('set', request, '', writer);
      return true;
    case Verb.add:
      store('add', request, '', writer);
      return true;
    case Verb.replace:
      store('replace', request, '', writer);
      return true;
    case Verb.append:
      store('append', request, '', writer);
      return true;
    case Verb.prepend:
      store('prepend', request, '', writer);
      return true;
    case Verb.cas:
      store('cas', request, ` ${request.cas}`, writer);
      return true;
    case Verb.delete:
      writer.text += `delete ${key}\r\n`;
      return true;
    case Verb.touch:
      writer.text += `touch ${key} ${request.exptime}\r\n`;
      return true;
    case Verb.incr:
      writer.text += `incr ${key} ${request.delta}\r\n`;
      return true;
    case Verb.decr:
      writer.text += `decr ${key} ${request.delta}\r\n`;
      return true;
    case Verb.flushAll:
      writer.text += request.exptime === 0 ? 'flush_all\r\n' : `flush_all ${request.exptime}\r\n`;
      return true;
    case Verb.stats:
      writer.text += key === '' ? 'stats\r\n' : `stats ${key}\r\n`;
      return true;
    case Verb.version:
      writer.text += 'version\r\n';
      return true;
    case Verb.getConfirmed:
    case Verb.setQuietly:
    case Verb.metaGet:
    case Verb.metaSet:
    case Verb.metaDelete:
      return false;
    default:
      return request.verb satisfies never;
  }
}

function store(command: string, request: Request, cas: string, writer: WireWriter): void {
  const line = `${command} ${request.key} ${request.flags} ${request.exptime} ${request.bytes}${cas}\r\n`;
  writer.block(line, request.body!);
}
