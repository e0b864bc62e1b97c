/**
 * The packed package beside Nest 11, @nestjs/cache-manager 3 and Terminus 11, over HTTP. Decorators are
 * called by hand, so that nothing but Node is needed to run this.
 */
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';
import 'reflect-metadata';
import { CacheInterceptor, CacheModule } from '@nestjs/cache-manager';
import { Controller, Get, Module, UseInterceptors } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { HealthCheckService, TerminusModule } from '@nestjs/terminus';
import { MemcachedCache, MemcachedPoolModule } from 'nestjs-memcached-pool';
import { memcachedKeyv } from 'nestjs-memcached-pool/keyv';
import { MemcachedHealthIndicator } from 'nestjs-memcached-pool/terminus';
import { TestMemcached } from 'nestjs-memcached-pool/testing';

const version = (name) => createRequire(import.meta.url)(`${name}/package.json`).version;

/** Puts decorators on a class or one of its methods, as TypeScript would. */
function decorate(decorators, target, method) {
  const descriptor = method && Object.getOwnPropertyDescriptor(target, method);
  for (const decorator of decorators.reverse()) decorator(target, method, descriptor);
}

class PagesController {
  static calls = 0;
  page() {
    return { call: ++PagesController.calls };
  }
}
decorate([Get('page'), UseInterceptors(CacheInterceptor)], PagesController.prototype, 'page');
decorate([Controller()], PagesController);

class HealthController {
  constructor(health, memcached) {
    this.health = health;
    this.memcached = memcached;
  }
  check() {
    return this.health.check([() => this.memcached.check('memcached', { ping: true, timeout: '20s' })]);
  }
  strict() {
    return this.health.check([() => this.memcached.check('memcached', { degradedAs: 'down' })]);
  }
}
Reflect.defineMetadata('design:paramtypes', [HealthCheckService, MemcachedHealthIndicator], HealthController);
decorate([Get('health')], HealthController.prototype, 'check');
decorate([Get('health/strict')], HealthController.prototype, 'strict');
decorate([Controller()], HealthController);

class AppModule {}

/** A slow machine must not make a miss of a hit. */
const PATIENT = { connectTimeout: '20s', commandTimeout: '20s' };

const nodes = [];
let app;
let url;

before(async () => {
  for (let i = 0; i < 2; i++) nodes.push(await TestMemcached.start());
  const root = Module({
    imports: [
      MemcachedPoolModule.forRoot({
        nodes: nodes.map((node) => node.address),
        ...PATIENT,
        blacklistTime: 200,
      }),
      CacheModule.registerAsync({
        inject: [MemcachedCache],
        useFactory: (cache) => ({ stores: [memcachedKeyv(cache)], ttl: 60_000 }),
      }),
      TerminusModule.forRoot({ logger: false }),
    ],
    controllers: [PagesController, HealthController],
    providers: [MemcachedHealthIndicator],
  });
  decorate([root], AppModule);
  app = await NestFactory.create(AppModule, { logger: false });
  await app.listen(0, '127.0.0.1');
  url = await app.getUrl();
});

after(async () => {
  await app?.close();
  for (const node of nodes) await node.stop();
});

test('this is Nest 11 with Terminus 11', () => {
  for (const name of ['@nestjs/core', '@nestjs/terminus']) assert.match(version(name), /^11\./);
});

test('CacheInterceptor answers from memcached instead of running the handler', async () => {
  const visit = async () => {
    const response = await fetch(`${url}/page`);
    return { from: response.headers.get('x-cache'), body: await response.json() };
  };
  assert.deepEqual(await visit(), { from: 'MISS', body: { call: 1 } });
  // CacheInterceptor does not wait for what it writes; the bound only guards against a hang.
  let visited = await visit();
  for (let left = 400; visited.from !== 'HIT' && left > 0; left--) visited = await visit();
  assert.equal(visited.from, 'HIT');
  const { calls } = PagesController;
  assert.equal((await visit()).from, 'HIT');
  assert.equal(PagesController.calls, calls);
});

test('health is up while both nodes answer', async () => {
  const response = await fetch(`${url}/health`);
  const body = await response.json();
  assert.equal(response.status, 200);
  assert.equal(body.details.memcached.status, 'up');
  assert.equal(body.details.memcached.nodes.length, 2);
});

test('a node that is gone is not lost in silence: up with a message, or down where that was asked for', async () => {
  await nodes[1].stop();
  const lenient = await (await fetch(`${url}/health`)).json();
  assert.equal(lenient.details.memcached.status, 'up');
  assert.match(lenient.details.memcached.message, /^1 of 2 nodes out of use/);
  const strict = await fetch(`${url}/health/strict`);
  assert.equal(strict.status, 503);
  assert.equal((await strict.json()).details.memcached.status, 'down');
});
