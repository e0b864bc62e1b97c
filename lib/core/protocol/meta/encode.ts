/**
 * Requests as lines of the meta protocol (memcached 1.6.18 or later). Every line carries an opaque, so that
 * every ordinary answer, a miss included, names its request.
 */
import { type Request, Verb } from '../../command/request.js';
import { OPAQUE_MASK } from '../protocol.js';
import type { WireWriter } from '../wire-writer.js';

/** ` O<n>\r\n` for every opaque: making a string from a number for each request costs more than a look-up. */
const TAIL: string[] = [];
/** The same for a get, whose flags never change: f client flags, v value (protocol.txt, Meta Get). */
const GET_TAIL: string[] = [];
for (let opaque = 0; opaque <= OPAQUE_MASK; opaque++) {
  TAIL.push(` O${opaque}\r\n`);
  GET_TAIL.push(` f v O${opaque}\r\n`);
}

/** One value is much like the next in these. */
const lastMeasures = { bytes: 0, flags: 0, exptime: 0, text: ' 0 F0 T0' };

/** How long, under which client flags and for how long: one text, for each one more takes its time to join. */
function measures({ bytes, flags, exptime }: Request): string {
  const last = lastMeasures;
  if (last.bytes !== bytes || last.flags !== flags || last.exptime !== exptime) {
    last.bytes = bytes;
    last.flags = flags;
    last.exptime = exptime;
    last.text = ` ${bytes} F${flags} T${exptime}`;
  }
  return last.text;
}

/** @returns false when the command has no meta form and goes out in its classic one. */
export function encodeMeta(request: Request, opaque: number, writer: WireWriter): boolean {
  switch (request.verb) {
    case Verb.get:
      writer.text += `mg ${request.key}${GET_TAIL[opaque]!}`;
      return true;
    case Verb.getConfirmed:
      writer.text += `get ${request.keys!.join(' ')}\r\nmg ${request.key}${GET_TAIL[opaque]!}`;
      return true;
    case Verb.peek:
      writer.text += `mg ${request.key} f c t v${request.tokens}${TAIL[opaque]!}`;
      return true;
    case Verb.set:
      store(request, '', opaque, writer);
      return true;
    case Verb.setQuietly:
      storeQuietly(request, opaque, writer);
      return true;
    case Verb.gets:
      writer.text += `mg ${request.key} f c v${TAIL[opaque]!}`;
      return true;
    case Verb.gat:
      writer.text += `mg ${request.key} f v T${request.exptime}${TAIL[opaque]!}`;
      return true;
    case Verb.add:
      store(request, ' ME', opaque, writer);
      return true;
    case Verb.replace:
      store(request, ' MR', opaque, writer);
      return true;
    case Verb.append:
      store(request, ' MA', opaque, writer);
      return true;
    case Verb.prepend:
      store(request, ' MP', opaque, writer);
      return true;
    case Verb.cas:
      store(request, ` C${request.cas}`, opaque, writer);
      return true;
    case Verb.delete:
      writer.text += `md ${request.key}${TAIL[opaque]!}`;
      return true;
    case Verb.touch:
      writer.text += `mg ${request.key} T${request.exptime}${TAIL[opaque]!}`;
      return true;
    case Verb.incr:
      count(request, '', opaque, writer);
      return true;
    case Verb.decr:
      count(request, ' MD', opaque, writer);
      return true;
    case Verb.metaGet:
      writer.text += `mg ${request.key}${request.tokens}${TAIL[opaque]!}`;
      return true;
    case Verb.metaDelete:
      writer.text += `md ${request.key}${request.tokens}${TAIL[opaque]!}`;
      return true;
    case Verb.metaSet:
      store(request, request.tokens, opaque, writer);
      return true;
    default:
      return false;
  }
}

function store(request: Request, mode: string, opaque: number, writer: WireWriter): void {
  writer.block(`ms ${request.key}${measures(request)}${mode}${TAIL[opaque]!}`, request.body!);
}

/** `q` leaves out the answer to what was stored, `mn` is answered by MN (protocol.txt, Meta Set and Meta No-Op). */
function storeQuietly(request: Request, opaque: number, writer: WireWriter): void {
  const members = request.members!;
  const last = members.length - 1;
  for (let at = 0; at < last; at++) {
    const member = members[at]!;
    writer.block(`ms ${member.key}${measures(member)} q\r\n`, member.body!);
  }
  store(members[last]!, '', opaque, writer);
  writer.text += 'mn\r\n';
}

/** N makes a missing counter with that lifetime, J is what it starts with (protocol.txt, Meta Arithmetic). */
function count(request: Request, mode: string, opaque: number, writer: WireWriter): void {
  const vivify = request.initial === '' ? '' : ` N${request.exptime} J${request.initial}`;
  writer.text += `ma ${request.key}${mode} D${request.delta}${vivify} v${TAIL[opaque]!}`;
}
