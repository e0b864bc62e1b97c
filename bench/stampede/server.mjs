/** The in-process memcached in a process of its own, for machines without a memcached: prints its port. */
import { importFromTree } from '../harness/library.mjs';

const { TestMemcached } = await importFromTree(process.argv[2], 'nestjs-memcached-pool/testing');
const server = await TestMemcached.start();
process.stdout.write(`${server.port}\n`);
process.stdin.on('end', () => process.exit(0)).resume();
