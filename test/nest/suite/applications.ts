/**
 * Applications for one `describe`: on a memcached of the block's own, closed after each test, with the log
 * caught.
 */
import type { DynamicModule } from '@nestjs/common';
import { ContextIdFactory } from '@nestjs/core';
import { Test, type TestingModule } from '@nestjs/testing';
import { MemcachedPoolModule, type MemcachedRootOptions } from '../../../lib/index.js';
import { type Backend, freshNamespace, type StartBackend } from '../support/backends.js';
import { CapturedLog } from '../support/log.js';

type Parts = NonNullable<Parameters<typeof Test.createTestingModule>[0]>;

export interface Applications {
  readonly backend: Backend;
  readonly log: CapturedLog;
  /** Closed after the test, or by the test itself. */
  readonly running: TestingModule[];
  /** A pool on the backend, with a namespace that nobody has used. */
  pool(options?: MemcachedRootOptions): DynamicModule;
  /** Started; with a pool unless `imports` says otherwise. */
  boot(parts: Parts): Promise<TestingModule>;
}

export function useApplications(start: StartBackend): Applications {
  let backend: Backend;
  let log: CapturedLog;
  const running: TestingModule[] = [];

  beforeAll(async () => {
    backend = await start();
  });
  afterAll(() => backend.stop());
  beforeEach(() => {
    log = new CapturedLog();
  });
  afterEach(async () => {
    for (const app of running.splice(0)) await app.close();
    log.restore();
  });

  const pool = (options: MemcachedRootOptions = {}) => {
    const cache = { namespace: freshNamespace(), ...options.cache };
    return MemcachedPoolModule.forRoot({ nodes: backend.address, ...options, cache });
  };

  const boot = async ({ imports = [pool()], ...parts }: Parts) => {
    const app = await Test.createTestingModule({ imports, ...parts }).compile();
    await app.init();
    running.push(app);
    return app;
  };

  return {
    get backend() {
      return backend;
    },
    get log() {
      return log;
    },
    running,
    pool,
    boot,
  };
}

export async function inNewRequest<T>(app: TestingModule, type: new () => T): Promise<T> {
  return app.resolve(type, ContextIdFactory.create());
}
