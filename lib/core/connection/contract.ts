/**
 * What a connection and its node say to each other: what it is made with, how it may live and end, and whom
 * it tells. No behaviour; that is `connection.ts`.
 */
import type { Address } from '../base/address.js';
import type { MemcachedError } from '../base/errors.js';
import type { Turn } from '../base/turn.js';
import type { Request } from '../command/request.js';
import type { Protocol } from '../protocol/protocol.js';
import type { Credentials, Dialect } from './handshake.js';
import type { TlsSettings } from './open-socket.js';

/** What a connection is made with; the same for every socket of a node. */
export interface ConnectionSettings {
  /** Name of the pool and of the node, for errors and channels. */
  pool: string;
  node: string;
  address: Address;
  tls: TlsSettings;
  auth: Credentials | undefined;
  protocol: 'auto' | 'meta' | 'classic';
  connectTimeout: number;
  turn: Turn;
  /** May several gets, and several sets, be sent as one? Not behind proxies. */
  gather: boolean;
  /** What is spoken with a server of that dialect. */
  protocolFor(dialect: Dialect): Protocol;
}

/** `opening` until the handshake's answer, `draining` once nothing new may be sent. */
export type ConnectionState = 'opening' | 'ready' | 'draining' | 'closed';

/** Which state may follow which; nothing else changes it. */
export const CONNECTION_MOVES: Readonly<Record<ConnectionState, readonly ConnectionState[]>> = {
  opening: ['ready', 'closed'],
  ready: ['draining', 'closed'],
  draining: ['closed'],
  closed: [],
};

/** Why a connection is no more. */
export type CloseReason =
  /** The handshake failed or the socket could not be opened. */
  | { kind: 'open-failed'; error: MemcachedError }
  /** The question of the handshake closed it: only a proxy does that. */
  | { kind: 'ask-as-proxy' }
  /** Closed by the peer or the network. */
  | { kind: 'lost'; error: MemcachedError }
  /** Closed by us, because the answers were not to be trusted. */
  | { kind: 'doubt'; error: MemcachedError }
  /** Closed by us: silent, idle or no longer needed. */
  | { kind: 'dropped'; error: MemcachedError };

/** The node a connection belongs to. */
export interface ConnectionOwner<C> {
  connectionReady(connection: C): void;
  /** The last call. `outstanding` is what was neither answered nor given up, oldest first. */
  connectionClosed(connection: C, reason: CloseReason, outstanding: Request[]): void;
  /** Slots of `maxPending` and bytes of `maxPendingBytes` are free again. */
  slotsFreed(slots: number, bytes: number): void;
  /** Answers have been read; `inTime`: at least one of them was still waited for. */
  answersRead(connection: C, inTime: boolean): void;
  /** Sets leave together: not for a while after they were complained of, for then it is unknown which of them failed. */
  readonly gathersSets: boolean;
  /** Sets that left together were complained of, or answered as they must not be. */
  setsRefused(): void;
  /** The send buffer was full and is empty again. */
  connectionWritable(connection: C): void;
}
