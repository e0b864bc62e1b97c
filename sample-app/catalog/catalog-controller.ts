import { CacheInterceptor, CacheTTL } from '@nestjs/cache-manager';
import {
  BadRequestException,
  Body,
  Controller,
  Delete,
  Get,
  HttpCode,
  NotFoundException,
  Param,
  Post,
  Put,
  Query,
  UseInterceptors,
} from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { HttpCache, MemcachedCacheInterceptor, withCache } from 'nestjs-memcached-pool';
import { CatalogService } from './catalog-service.js';
import { Product, ProductChange } from './product.js';

@ApiTags('products')
@Controller('products')
export class CatalogController {
  constructor(private readonly catalog: CatalogService) {}

  @Get()
  @UseInterceptors(MemcachedCacheInterceptor)
  @HttpCache({ ttl: '10s', stale: '1m', tags: ['products'] })
  @ApiOperation({
    summary: 'All products; the whole page is cached for ten seconds (MemcachedCacheInterceptor)',
  })
  @ApiOkResponse({ type: [Product] })
  all(): Promise<Product[]> {
    return this.catalog.all();
  }

  @Get('count')
  @UseInterceptors(CacheInterceptor)
  @CacheTTL(10_000)
  @ApiOperation({ summary: "How many there are, cached by Nest's own CacheInterceptor over the Keyv store" })
  async count() {
    return { count: (await this.catalog.all()).length };
  }

  @Get('some')
  @ApiOperation({
    summary: 'Some products; the database is asked for those that are not cached (@CacheableMany)',
  })
  @ApiOkResponse({ type: [Product] })
  some(@Query('ids') ids: string | undefined): Promise<Product[]> {
    const wanted = String(ids ?? '')
      .split(',')
      .filter(Boolean);
    if (wanted.length === 0) throw new BadRequestException('Say which: ?ids=1,2');
    return this.catalog.findMany(wanted);
  }

  @Get(':id')
  @ApiOperation({ summary: 'One product; slow the first time, then from memcached (@Cacheable)' })
  @ApiOkResponse({ type: Product })
  async one(@Param('id') id: string): Promise<Product> {
    return existing(id, await this.catalog.find(id));
  }

  @Post(':id/refresh')
  @HttpCode(200)
  @ApiOperation({ summary: 'Reads a product past the cache, and fills it anew (withCache)' })
  @ApiOkResponse({ type: Product })
  async refresh(@Param('id') id: string): Promise<Product> {
    return existing(id, await withCache({ forceFresh: true }, () => this.catalog.find(id)));
  }

  @Put(':id')
  @ApiOperation({ summary: 'Changes a product, and its entry in the cache with it (@CachePut)' })
  @ApiOkResponse({ type: Product })
  async change(@Param('id') id: string, @Body() change: ProductChange): Promise<Product> {
    return existing(id, await this.catalog.change(id, checked(change)));
  }

  @Delete(':id')
  @HttpCode(204)
  @ApiOperation({ summary: 'Removes a product, and its entry from the cache (@CacheEvict)' })
  async remove(@Param('id') id: string): Promise<void> {
    if (!(await this.catalog.remove(id))) throw new NotFoundException(`There is no product ${id}.`);
  }
}

function existing(id: string, product: Product | undefined): Product {
  if (product === undefined) throw new NotFoundException(`There is no product ${id}.`);
  return product;
}

function checked(change: ProductChange | undefined): ProductChange {
  const { name, price } = change ?? {};
  if (name === undefined && price === undefined)
    throw new BadRequestException('Send a name, a price or both.');
  if (name !== undefined && (typeof name !== 'string' || name === '')) {
    throw new BadRequestException('"name" must be a text that is not empty.');
  }
  if (price !== undefined && (typeof price !== 'number' || !Number.isSafeInteger(price) || price < 0)) {
    throw new BadRequestException('"price" must be whole cents, 0 or more.');
  }
  return { ...(name !== undefined && { name }), ...(price !== undefined && { price }) };
}
