import { Controller, Get, HttpCode, Param, ParseIntPipe, Post } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { MemcachedCache } from 'nestjs-memcached-pool';
import { ProductRepository } from './catalog/product-repository.js';
import { DemoNodes } from './demo-nodes.js';
import { RequestCounter } from './request-counter.js';

@ApiTags('demo')
@Controller()
export class DemoController {
  constructor(
    private readonly requests: RequestCounter,
    private readonly repository: ProductRepository,
    private readonly cache: MemcachedCache,
    private readonly nodes: DemoNodes,
  ) {}

  @Get('counters')
  @ApiOperation({ summary: 'What the application was asked, and what that cost the database' })
  counters() {
    const { hits, misses, errors } = this.cache.namespace('catalog').stats();
    const pages = this.cache.namespace('http').stats();
    return {
      requests: this.requests.count,
      queries: this.repository.queries,
      cache: { hits, misses, errors },
      pages: { hits: pages.hits, misses: pages.misses, errors: pages.errors },
    };
  }

  @Post('demo/nodes/:index/stop')
  @HttpCode(200)
  @ApiOperation({ summary: 'Stops one of the in-process nodes, as a machine that fails would' })
  async stop(@Param('index', ParseIntPipe) index: number) {
    return { stopped: await this.nodes.stop(index) };
  }

  @Post('demo/nodes/:index/start')
  @HttpCode(200)
  @ApiOperation({ summary: 'Starts it again, empty; the pool finds that out by itself' })
  async start(@Param('index', ParseIntPipe) index: number) {
    return { started: await this.nodes.start(index) };
  }
}
