/**
 * The headers that caching is about: Cache-Control, Vary, If-None-Match, ETag (RFC 9110 and 9111).
 *
 * Invariant: pure functions over text. A header that cannot be read says nothing.
 */
import { createHash } from 'node:crypto';

/** Directives by name, in small letters; `true` where there is no argument. */
export type Directives = ReadonlyMap<string, string | true>;

/** As many seconds as RFC 9111 wants every cache to understand are more; a year is for ever on the web. */
const LONGEST_SECONDS = 31_536_000;

export function parseCacheControl(header: unknown): Directives {
  const directives = new Map<string, string | true>();
  if (typeof header !== 'string') return directives;
  for (const [, name, quoted, plain] of header.matchAll(/([\w-]+)(?:\s*=\s*(?:"([^"]*)"|([^\s,;"]*)))?/g)) {
    directives.set(name!.toLowerCase(), quoted ?? plain ?? true);
  }
  return directives;
}

/** Milliseconds of a directive such as `max-age`; `undefined` when it is not there or says nothing. */
export function millisecondsOf(directives: Directives, name: string): number | undefined {
  const given = directives.get(name);
  if (typeof given !== 'string' || !/^\d{1,12}$/.test(given)) return undefined;
  return Math.min(Number(given), LONGEST_SECONDS) * 1_000;
}

export function makeCacheControl(isPrivate: boolean, ttl: number, stale: number): string {
  const seconds = ttl === 0 ? LONGEST_SECONDS : Math.min(Math.floor(ttl / 1_000), LONGEST_SECONDS);
  const later = stale > 0 && ttl > 0 ? `, stale-while-revalidate=${Math.floor(stale / 1_000)}` : '';
  return `${isPrivate ? 'private, ' : ''}max-age=${seconds}${later}`;
}

/** `existing` with `names` added; no name comes twice. */
export function mergeVary(existing: unknown, names: readonly string[]): string {
  const all = [existing].flat().flatMap((each) => (typeof each === 'string' ? each.split(',') : []));
  const byName = new Map<string, string>();
  for (const name of [...all, ...names]) {
    const trimmed = name.trim();
    if (trimmed !== '' && !byName.has(trimmed.toLowerCase())) byName.set(trimmed.toLowerCase(), trimmed);
  }
  return byName.has('*') ? '*' : [...byName.values()].join(', ');
}

/**
 * Whether a client that sent this If-None-Match has the response already. Weak comparison, as RFC 9110 wants it:
 * `W/"a"` and `"a"` are the same.
 */
export function matches(ifNoneMatch: unknown, etag: string | undefined): boolean {
  if (typeof ifNoneMatch !== 'string' || etag === undefined) return false;
  if (ifNoneMatch.trim() === '*') return true;
  const opaque = etag.replace(/^W\//, '');
  const tags: string[] = ifNoneMatch.match(/"[\x21\x23-\x7e\x80-\xff]*"/g) ?? [];
  return tags.includes(opaque);
}

/**
 * Weak, because what goes over the wire may be compressed, or serialized otherwise, after this was computed.
 * `undefined` for what JSON cannot hold.
 */
export function etagOf(body: unknown): string | undefined {
  try {
    const bytes = typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body);
    if (bytes === undefined) return undefined;
    return `W/"${createHash('sha256').update(bytes).digest('base64url').slice(0, 27)}"`;
  } catch {
    return undefined;
  }
}
