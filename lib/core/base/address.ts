/**
 * Where a node listens, and how people write it. Resolving names and connecting belong to the layers above.
 */
import { MemcachedOptionError } from './errors.js';

export const DEFAULT_PORT = 11211;

/** A TCP address or the path of a unix socket. */
export type Address =
  | { readonly host: string; readonly port: number; readonly path?: undefined }
  | { readonly path: string; readonly host?: undefined; readonly port?: undefined };

/**
 * Reads `host`, `host:port`, `[v6]:port`, a bare v6 address or `unix:/path`.
 * @throws MemcachedOptionError when it is none of these.
 */
export function parseAddress(text: string): Address {
  const given = text.trim();
  if (given.startsWith('unix:')) {
    const path = given.slice('unix:'.length);
    if (path === '') throw unreadable(text);
    return { path };
  }
  const bracketed = /^\[([0-9a-f:.%\w]+)\](?::(.+))?$/i.exec(given);
  if (bracketed !== null) return { host: bracketed[1]!, port: parsePort(bracketed[2], text) };
  const colons = given.split(':').length - 1;
  if (colons > 1) {
    if (!/^[0-9a-f:.]+(%\w+)?$/i.test(given)) throw unreadable(text);
    return { host: given, port: DEFAULT_PORT };
  }
  const [host, port] = given.split(':') as [string, string | undefined];
  if (!/^[a-z0-9_]([a-z0-9_.-]*)$/i.test(host)) throw unreadable(text);
  return { host, port: parsePort(port, text) };
}

function parsePort(port: string | undefined, text: string): number {
  if (port === undefined) return DEFAULT_PORT;
  const number = /^\d{1,5}$/.test(port) ? Number(port) : 0;
  if (number < 1 || number > 65_535) throw unreadable(text);
  return number;
}

function unreadable(text: string): MemcachedOptionError {
  const withoutLogin = text.replace(/^.*@/s, '...@');
  return new MemcachedOptionError(
    `Cannot read the node address ${JSON.stringify(withoutLogin)}; write "host:port", "[v6]:port" or "unix:/path".`,
  );
}

/** One name per address: `host:port`, `[v6]:port` or `unix:/path`. Used in errors, logs and health. */
export function formatAddress(address: Address): string {
  if (address.path !== undefined) return `unix:${address.path}`;
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}
