import { Controller, Get } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { HealthCheck, HealthCheckService } from '@nestjs/terminus';
import { MemcachedHealthIndicator } from 'nestjs-memcached-pool/terminus';

@ApiTags('demo')
@Controller('health')
export class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly memcached: MemcachedHealthIndicator,
  ) {}

  /** Asks every node, so that a dead one shows even while nobody wants anything of it. */
  @Get()
  @HealthCheck()
  check() {
    return this.health.check([() => this.memcached.check('memcached', { ping: true })]);
  }
}
