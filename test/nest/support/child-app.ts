/**
 * An application in a process of its own, to see that the process ends by itself. Called with the nodes and
 * with what it shall do: `serve` until a signal comes, or `close` at once.
 */
import { Controller, Get, Inject, Module, type OnModuleDestroy, Param } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { MemcachedCache, MemcachedPoolModule } from '../../../lib/index.js';

const [nodes, task] = process.argv.slice(2);

let waiting = 0;

@Controller()
class Pages implements OnModuleDestroy {
  private shutDown: () => void = () => {};
  private readonly shuttingDown = new Promise<void>((resolve) => {
    this.shutDown = resolve;
  });

  constructor(@Inject(MemcachedCache) private readonly cache: MemcachedCache) {}

  onModuleDestroy() {
    this.shutDown();
  }

  /** Answers once the shutdown has begun, and uses the cache then. */
  @Get('last-minute/:crowd')
  async lastMinute(@Param('crowd') crowd: string) {
    if (++waiting === Number(crowd)) process.stdout.write('all here\n');
    await this.shuttingDown;
    return { stored: await this.cache.set('key', 1), read: await this.cache.get('key') };
  }
}

@Module({
  imports: [MemcachedPoolModule.forRoot({ nodes, closeTimeout: '1s' })],
  controllers: [Pages],
})
class ChildApp {}

const app = await NestFactory.create(ChildApp, { logger: false });
app.enableShutdownHooks();
if (task === 'serve') {
  await app.listen(0, '127.0.0.1');
  process.stdout.write(`${await app.getUrl()}\n`);
} else {
  await app.init();
  void app.get(MemcachedCache).set('unanswered', 1);
  await new Promise((resolve) => setTimeout(resolve, 50));
  await app.close();
  process.stdout.write('closed\n');
}
