import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.js';
import { DemoNodes } from './demo-nodes.js';
import { serveDocs } from './docs.js';

const app = await NestFactory.create(AppModule, { logger: ['warn', 'error'] });
// Ctrl-C and SIGTERM then end the requests first and close the pool last.
app.enableShutdownHooks();
serveDocs(app);
const port = process.env.PORT ?? 3000;
await app.listen(port).catch((error: NodeJS.ErrnoException) => {
  if (error.code !== 'EADDRINUSE') throw error;
  console.error(`Somebody else listens on port ${port}; choose another one: PORT=3001 npm start`);
  process.exit(1);
});
// From here on the log is about the nodes: a line when one dies, a line when it is back.
app.useLogger(['log', 'warn', 'error']);

const url = `http://localhost:${port}`;
const nodes = app.get(DemoNodes);
const where = nodes.inProcess
  ? 'three memcached nodes inside this process'
  : `memcached at ${nodes.addresses}`;
console.log(`
A product catalogue whose database takes half a second, in front of it ${where}.

  curl -w '%{time_total} s\\n' ${url}/products/1     twice: slow, then at once (@Cacheable)
  curl -X PUT ${url}/products/1 -H 'content-type: application/json' -d '{"price": 4500}'
  curl -w '%{time_total} s\\n' ${url}/products       the whole page, cached for ten seconds (MemcachedCacheInterceptor)
  curl '${url}/products/some?ids=1,2,3'              asks the database only for what is missing (@CacheableMany)
  curl ${url}/counters                              what it saved
  curl ${url}/health                                every node and its state`);
if (nodes.inProcess) {
  console.log(`  curl -X POST ${url}/demo/nodes/2/stop             a node dies; the pages still answer
  curl -X POST ${url}/demo/nodes/2/start            it comes back, and is found`);
}
console.log(`\nThe same with buttons: ${url}/docs. Ctrl-C ends it.`);
