/**
 * Applications that answer HTTP, on both platforms.
 */
import type { INestApplication, ModuleMetadata } from '@nestjs/common';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { MemcachedPoolModule, type MemcachedRootOptions } from '../../../lib/index.js';
import { freshNamespace } from './backends.js';

type Adapter = ExpressAdapter | FastifyAdapter;

export const platforms: readonly (readonly [name: string, adapter: () => Adapter])[] = [
  ['express', () => new ExpressAdapter()],
  ['fastify', () => new FastifyAdapter()],
];

/** Listening, so that all requests name the same host; with a pool on `nodes` and a namespace that nobody has used. */
export async function serve(
  adapter: () => Adapter,
  nodes: string,
  parts: ModuleMetadata,
  { cache, ...options }: MemcachedRootOptions = {},
): Promise<INestApplication> {
  const pool = MemcachedPoolModule.forRoot({
    nodes,
    ...options,
    cache: { namespace: freshNamespace(), ...cache },
  });
  const module = await Test.createTestingModule({
    ...parts,
    imports: [pool, ...(parts.imports ?? [])],
  }).compile();
  const app = module.createNestApplication<INestApplication>(adapter());
  await app.listen(0, '127.0.0.1');
  return app;
}
