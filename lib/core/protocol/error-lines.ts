/**
 * The three lines a server complains with, the same in every text protocol. They name no request: the
 * order alone says whose they are.
 */
import { type Reply, ReplyKind } from '../command/reply.js';
import { startsWith } from './bytes.js';
import { Doubt } from './protocol.js';

/**
 * Reads the complaint in the complete line `bytes[from..lineEnd)`.
 * @throws Doubt when it is none: then the line is no answer to anything that was asked.
 */
export function readErrorLine(bytes: Buffer, from: number, lineEnd: number, reply: Reply): void {
  if (startsWith(bytes, from, lineEnd, 'SERVER_ERROR')) {
    reply.kind = ReplyKind.serverError;
    reply.text = complaint(bytes, from + 'SERVER_ERROR'.length, lineEnd);
  } else if (startsWith(bytes, from, lineEnd, 'CLIENT_ERROR')) {
    reply.kind = ReplyKind.clientError;
    reply.text = complaint(bytes, from + 'CLIENT_ERROR'.length, lineEnd);
  } else if (startsWith(bytes, from, lineEnd, 'ERROR')) {
    reply.kind = ReplyKind.unknownCommand;
    reply.text = complaint(bytes, from + 'ERROR'.length, lineEnd);
  } else {
    throw new Doubt('a line is no answer to what was asked');
  }
}

/** Complaints are quoted in error messages, so their length is bounded and what cannot be printed is masked. */
function complaint(bytes: Buffer, from: number, lineEnd: number): string {
  return bytes
    .toString('latin1', from, Math.min(lineEnd, from + 200))
    .trim()
    .replace(/[^ -~]/g, '?');
}
