/**
 * An item as a lease's reader sees it.
 *
 * Invariant: it is all of the answer that the reader may ask for, and nothing of it is lent.
 */
import { casOf, type ReadCas, type Reply, ReplyKind } from '../command/reply.js';
import type { LeaseRead } from './types.js';

export class LeaseItem implements LeaseRead<unknown>, ReadCas {
  readonly unchanged: boolean;
  readonly won: boolean;
  readonly stale: boolean;
  readonly taken: boolean;
  readonly ttlSeconds: number | undefined;
  readonly hitBefore: boolean;
  readonly idleSeconds: number;
  readonly shortCas: number;
  readonly longCas: string;

  constructor(
    reply: Reply,
    readonly node: string,
    readonly value: unknown,
  ) {
    this.unchanged = reply.kind === ReplyKind.done;
    this.won = reply.won;
    this.stale = reply.stale;
    this.taken = reply.taken;
    this.ttlSeconds = reply.ttlSeconds;
    this.hitBefore = reply.hitBefore;
    this.idleSeconds = reply.idleSeconds;
    this.shortCas = reply.shortCas;
    this.longCas = reply.longCas;
  }

  get cas(): bigint | undefined {
    return casOf(this);
  }
}
