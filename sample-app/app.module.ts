import { CacheModule } from '@nestjs/cache-manager';
import { Global, Module } from '@nestjs/common';
import { APP_INTERCEPTOR } from '@nestjs/core';
import { TerminusModule } from '@nestjs/terminus';
import { MemcachedCache, MemcachedPoolModule } from 'nestjs-memcached-pool';
import { memcachedKeyv } from 'nestjs-memcached-pool/keyv';
import { MemcachedHealthIndicator } from 'nestjs-memcached-pool/terminus';
import { CatalogController } from './catalog/catalog-controller.js';
import { CatalogService } from './catalog/catalog-service.js';
import { ProductRepository, QUERY_TIME } from './catalog/product-repository.js';
import { DemoController } from './demo-controller.js';
import { DemoNodes } from './demo-nodes.js';
import { HealthController } from './health-controller.js';
import { RequestCounter } from './request-counter.js';

@Global()
@Module({
  providers: [{ provide: DemoNodes, useFactory: () => DemoNodes.start() }],
  exports: [DemoNodes],
})
class DemoNodesModule {}

@Module({
  imports: [
    DemoNodesModule,
    MemcachedPoolModule.forRootAsync({
      inject: [DemoNodes],
      useFactory: (nodes: DemoNodes) => ({
        nodes: nodes.addresses,
        blacklistTime: '2s',
        // Not set is the default.
        connectTimeout: process.env.MEMCACHED_TIMEOUT,
        commandTimeout: process.env.MEMCACHED_TIMEOUT,
      }),
    }),
    CacheModule.registerAsync({
      inject: [MemcachedCache],
      useFactory: (cache: MemcachedCache) => ({ stores: [memcachedKeyv(cache)] }),
    }),
    TerminusModule.forRoot({ logger: false }),
  ],
  controllers: [CatalogController, HealthController, DemoController],
  providers: [
    CatalogService,
    ProductRepository,
    { provide: QUERY_TIME, useValue: 500 },
    MemcachedHealthIndicator,
    RequestCounter,
    { provide: APP_INTERCEPTOR, useExisting: RequestCounter },
  ],
})
export class AppModule {}
