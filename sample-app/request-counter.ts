import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';

/** Counts what the catalogue was asked; the demo's own routes are left out. */
@Injectable()
export class RequestCounter implements NestInterceptor {
  count = 0;

  intercept(context: ExecutionContext, next: CallHandler) {
    const { url } = context.switchToHttp().getRequest<{ url: string }>();
    if (url.startsWith('/products')) this.count++;
    return next.handle();
  }
}
