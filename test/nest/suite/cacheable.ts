/**
 * What `@Cacheable`, `@CachePut` and `@CacheEvict` promise inside an application. Run twice: compiled with the
 * metadata that Nest's own compilers emit, and without it, as esbuild compiles. So every injection in this folder
 * names its token.
 */
import 'reflect-metadata';
import type { StartBackend } from '../support/backends.js';
import { answers } from './answers.js';
import { instances } from './instances.js';
import { keys } from './keys.js';
import { writes } from './writes.js';

export function cacheable(start: StartBackend, compiled: { withMetadata: boolean }): void {
  describe('instances', () => instances(start));
  describe('answers', () => answers(start, compiled));
  describe('keys', () => keys(start));
  describe('writes', () => writes(start));
}
