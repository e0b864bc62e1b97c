/**
 * The memcached nodes of the sample: real ones from MEMCACHED_NODES, or three that live in this process and
 * can be stopped and started by a request, to see what an outage looks like.
 */
import { ConflictException, Injectable, NotFoundException, type OnApplicationShutdown } from '@nestjs/common';
import { TestMemcached } from 'nestjs-memcached-pool/testing';

/** Where they listen when nobody else does: the same placement of keys each time, so that a walk can be told. */
const FIRST_PORT = 22_011;

@Injectable()
export class DemoNodes implements OnApplicationShutdown {
  private constructor(
    /** What the pool is given as its nodes. */
    readonly addresses: string | string[],
    private readonly servers: TestMemcached[],
  ) {}

  static async start(real: string | undefined = process.env.MEMCACHED_NODES): Promise<DemoNodes> {
    if (real) return new DemoNodes(real, []);
    const servers = await Promise.all([0, 1, 2].map((index) => startAt(FIRST_PORT + index)));
    return new DemoNodes(
      servers.map((server) => server.address),
      servers,
    );
  }

  get inProcess(): boolean {
    return this.servers.length > 0;
  }

  async stop(index: number): Promise<string> {
    const server = this.#server(index);
    await server.stop();
    return server.address;
  }

  /** Empty, as a memcached that was restarted is. */
  async start(index: number): Promise<string> {
    const server = this.#server(index);
    await server.restart({ empty: true });
    return server.address;
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.stop()));
  }

  #server(index: number): TestMemcached {
    if (!this.inProcess) {
      throw new ConflictException(
        'The nodes are those of MEMCACHED_NODES; stop and start them where they run.',
      );
    }
    const server = this.servers[index];
    if (server === undefined) {
      throw new NotFoundException(`There is no node ${index}; they are 0 to ${this.servers.length - 1}.`);
    }
    return server;
  }
}

function startAt(port: number): Promise<TestMemcached> {
  return TestMemcached.start({ port }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EADDRINUSE') return TestMemcached.start();
    throw error;
  });
}
