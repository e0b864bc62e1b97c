/** The bare client hands out what was asked for, text or bytes, whether a value comes in one read or in many. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { test } from 'node:test';
import { open } from '../clients/bare.mjs';

for (const bytes of [100, 300_000]) {
  test(`bare › ${bytes} bytes as text and as Buffer`, async () => {
    const value = Buffer.alloc(bytes, 'abcdefghij');
    const server = net.createServer((socket) => {
      socket.on('data', (text) => {
        for (const [, opaque] of text.toString('latin1').matchAll(/^mg \S+ f v (O\d+)\r$/gm)) {
          socket.write(
            Buffer.concat([Buffer.from(`VA ${bytes} f1 ${opaque}\r\n`), value, Buffer.from('\r\n')]),
          );
        }
      });
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const client = await open({ servers: [{ host: '127.0.0.1', port: server.address().port }] });
    try {
      const found = await Promise.all([client.get('a'), client.getBuffer('a'), client.get('b')]);
      assert.equal(found[0], value.latin1Slice());
      assert.ok(value.equals(found[1]));
      assert.equal(found[2], found[0]);
    } finally {
      client.close();
      server.close();
    }
  });
}
