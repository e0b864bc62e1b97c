/**
 * Opens a TCP, TLS or unix socket whose bytes arrive in buffers of ours, not in new ones. Knows nothing of
 * what is said on it.
 */
import { isIP, type OnReadOpts, Socket, connect as tcpConnect } from 'node:net';
import { type ConnectionOptions, connect as tlsConnect } from 'node:tls';
import type { Address } from '../base/address.js';

/** How a node is encrypted: `false` not at all; else options of `tls.connect`, verified by default. */
export type TlsSettings = false | ConnectionOptions;

/** Where bytes go: `buffer` is asked after every read where the next ones shall go. */
export interface SocketReader {
  /** The next buffer, or `undefined` to keep the last. */
  buffer(): Uint8Array | undefined;
  read(count: number): void;
}

/** Idle for this long, the kernel asks whether the peer is still there. */
const KEEP_ALIVE_MILLISECONDS = 30_000;

export function openSocket(
  address: Address,
  tls: TlsSettings,
  reader: SocketReader,
  connected: () => void,
): Socket {
  const onread = {
    // Node keeps the last buffer when it is given none; its types do not know that.
    buffer: () => reader.buffer() as Uint8Array,
    callback: (count: number) => {
      reader.read(count);
      return true;
    },
  } satisfies OnReadOpts;
  const target =
    address.path === undefined ? { host: address.host, port: address.port } : { path: address.path };
  const common = {
    ...target,
    onread,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_MILLISECONDS,
  };
  if (tls === false) return tcpConnect(common, connected);
  // A name is sent for SNI and verified; an IP address cannot be sent (RFC 6066) but is verified.
  const servername =
    tls.servername ?? (address.host !== undefined && isIP(address.host) === 0 ? address.host : '');
  try {
    return tlsConnect({ ...tls, ...common, servername } as ConnectionOptions, connected);
  } catch (error) {
    // A socket that cannot even be made fails as one that cannot be opened.
    return new Socket().destroy(error as Error);
  }
}
