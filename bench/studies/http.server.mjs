/** The application under load: started, asked what it used, and killed by http.work.mjs. */
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { makeModule } from '../harness/nest-app.mjs';

let products;

async function start({ tree, platform, variant, addresses }) {
  const made = await makeModule(tree, variant, addresses);
  const adapter = platform === 'fastify' ? [new FastifyAdapter()] : [];
  const app = await NestFactory.create(made, ...adapter, { logger: ['error', 'warn'] });
  products = app.get(made.Products);
  await app.listen(0, '127.0.0.1');
  return { port: app.getHttpServer().address().port };
}

function usage() {
  const { user, system } = process.cpuUsage();
  return {
    cpu: user + system,
    loads: products.loads,
    peakMegabytes: process.resourceUsage().maxRSS / 1_024,
  };
}

process.on('disconnect', () => process.exit(0));
process.on('message', async (question) => {
  try {
    process.send(question.start === undefined ? usage() : await start(question.start));
  } catch (error) {
    process.send({ error: error.message });
  }
});
