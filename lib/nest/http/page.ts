/**
 * A response as it is stored, and what of a handler's answer can become one.
 *
 * Invariant: a page holds nothing that was meant for one client: no cookie, nothing that the response had
 * before the handler ran. What cannot be one is answered by each request's own run of the handler.
 */
import { HttpException, StreamableFile } from '@nestjs/common';
import type { ClassOf } from '../../cache/ports.js';
import { toData } from '../../cache/shape.js';
import { etagOf, parseCacheControl } from './headers.js';

export type Headers = Readonly<Record<string, string | string[]>>;

export interface Page {
  readonly body: unknown;
  /** Those that the handler set, by their names in small letters. */
  readonly headers: Headers;
  readonly etag: string | undefined;
  /** When it was made, in wall-clock milliseconds. */
  readonly at: number;
  /** Milliseconds for which it is fresh; 0 for ever. */
  readonly ttl: number;
}

/** What a run of the handler came to, for all requests that waited for it. */
export type Loaded =
  | Page
  /** Not to be shared: each request runs the handler itself. `why`, where it is worth a line in the log. */
  | { readonly own: true; readonly why?: string }
  /** An answer of the handler that is an exception, such as "not found". */
  | { readonly error: HttpException };

export function isPage(loaded: Loaded): loaded is Page {
  return 'body' in loaded;
}

/** What the handler's answer was made with. */
export interface Made {
  readonly body: unknown;
  readonly status: number;
  /** Whether the response is on its way already: the handler wrote it itself. */
  readonly sent: boolean;
  readonly headers: Headers;
  /** Cache-Control as it stands on the response. */
  readonly cacheControl: unknown;
}

export interface PageOptions {
  readonly scoped: boolean;
  readonly type: ClassOf | undefined;
  readonly plain: boolean | undefined;
}

/** The page that the answer makes, or that it makes none. */
export function toPage(made: Made, options: PageOptions, at: number, ttl: number): Loaded {
  const { body, status, sent, headers } = made;
  if (sent || status !== 200 || body === undefined || isStream(body)) return { own: true };
  if (headers['set-cookie'] !== undefined || refuses(made.cacheControl, options.scoped)) return { own: true };
  const { type, plain } = options;
  const { data, copied } = toData(body, { type, plain });
  if (!copied) {
    return {
      own: true,
      why: 'its answer holds class instances; write "plain: true", or "type" to have them rebuilt',
    };
  }
  return { body: data, headers, etag: etagOf(data), at, ttl };
}

/** A status below 500 is an answer: it must not be taken for a failure that an older page could make good. */
export function isAnswer(error: unknown): error is HttpException {
  return error instanceof HttpException && error.getStatus() < 500;
}

/** Whether what was there is there no more. */
export function isGone(error: HttpException): boolean {
  return error.getStatus() === 404 || error.getStatus() === 410;
}

function isStream(body: unknown): boolean {
  if (body instanceof StreamableFile) return true;
  return typeof body === 'object' && body !== null && 'pipe' in body && typeof body.pipe === 'function';
}

/** Whether the route says by its Cache-Control that the response is not to be kept here. */
export function refuses(cacheControl: unknown, scoped: boolean): boolean {
  const directives = parseCacheControl(cacheControl);
  return directives.has('no-store') || directives.has('no-cache') || (directives.has('private') && !scoped);
}

/** The headers of `after` that `before` does not have. */
export function headersSince(before: Headers, after: Headers): Headers {
  const entries = Object.entries(after).filter(([name, value]) => String(before[name]) !== String(value));
  return Object.fromEntries(entries);
}
