/**
 * Servers other than a plain 1.6.18: one without meta commands, one with a password, and 1.6.45, as far as the
 * behaviours of the latter were measured or read; there is none on the machine to hold it against.
 */
import { connect } from 'node:net';
import { TestMemcached, type TestMemcachedOptions } from '../../lib/testing/index.js';
import { RawSocket } from '../support/raw-socket.js';

let server: TestMemcached;
let socket: RawSocket;

async function start(options: TestMemcachedOptions): Promise<void> {
  server = await TestMemcached.start(options);
  socket = new RawSocket(connect(server.port, '127.0.0.1'));
}

/** Sends `lines` and then a command with a known answer; returns what stands before that. */
async function ask(lines: string): Promise<string> {
  const end = 'verbosity 1\r\n';
  const answer = await socket.ask(lines + end, (received) => received.endsWith('OK\r\n'));
  return answer.slice(0, -'OK\r\n'.length);
}

afterEach(async () => {
  socket.destroy();
  await server.close();
});

describe('a classic server', () => {
  beforeEach(() => start({ protocol: 'classic' }));

  it('answers ERROR to every meta command', async () => {
    expect(await ask('mn\r\nmg a v\r\nmd a\r\nma a\r\nme a\r\n')).toBe('ERROR\r\n'.repeat(5));
  });

  it('runs the data of an ms as a command', async () => {
    expect(await ask('set a 0 0 1\r\nx\r\nms k 8\r\ndelete a\r\nget a\r\n')).toBe(
      'STORED\r\nERROR\r\nDELETED\r\nEND\r\n',
    );
    expect(server.commands).toContain('delete a');
  });

  it('still knows the classic commands', async () => {
    expect(await ask('set a 0 0 1\r\nx\r\nget a\r\n')).toBe('STORED\r\nVALUE a 0 1\r\nx\r\nEND\r\n');
  });
});

describe('a server with a password', () => {
  beforeEach(() => start({ auth: { user: 'alice', password: 'secret' } }));

  it('lets in who says it, and hides the set that carried it', async () => {
    expect(await socket.line('set x 0 0 12\r\nalice secret')).toBe('STORED\r\n');
    expect(await ask('get x\r\n')).toBe('END\r\n');
  });

  it('says what was wrong, keeps the socket and lets one try again', async () => {
    expect(await socket.line('version')).toBe('CLIENT_ERROR unauthenticated\r\n');
    expect(await socket.line('quit')).toBe('CLIENT_ERROR unauthenticated\r\n');
    expect(await socket.line('set x 0 0 11\r\nalice wrong')).toBe('CLIENT_ERROR authentication failure\r\n');
    expect(await socket.line('set x 0 0 5\r\nalice')).toBe(
      'CLIENT_ERROR bad authentication token format\r\n',
    );
    expect(await socket.line('set x 0 0 -1')).toBe('CLIENT_ERROR unauthenticated\r\n');
    expect(await socket.line('set x 0 0 12\r\nalice secret')).toBe('STORED\r\n');
    expect(server.stats).toMatchObject({ auth_cmds: 2, auth_errors: 1 });
  });

  it('asks every connection', async () => {
    await socket.line('set x 0 0 12\r\nalice secret');
    const other = new RawSocket(connect(server.port, '127.0.0.1'));
    expect(await other.line('mg a')).toBe('CLIENT_ERROR unauthenticated\r\n');
    other.destroy();
  });
});

describe('a password with a space', () => {
  const auth = { user: 'alice', password: 'two words' };

  it('never fits in 1.6.18', async () => {
    await start({ auth });
    expect(await socket.line('set x 0 0 15\r\nalice two words')).toBe(
      'CLIENT_ERROR authentication failure\r\n',
    );
  });

  it('fits in 1.6.45', async () => {
    await start({ auth, serverVersion: '1.6.45' });
    expect(await socket.line('set x 0 0 15\r\nalice two words')).toBe('STORED\r\n');
  });

  it.each(['mn', 'quit', 'ms key 3'])('1.6.45 closes without a byte on a first %s', async (line) => {
    await start({ auth, serverVersion: '1.6.45' });
    socket.send(`${line}\r\n`);
    expect(await socket.end()).toBe('');
  });
});

describe('1.6.45', () => {
  beforeEach(() => start({ serverVersion: '1.6.45' }));

  it('names its version', async () => {
    expect(await ask('version\r\n')).toBe('VERSION 1.6.45\r\n');
  });

  it('swallows the data of a bad storage line', async () => {
    const key = 'k'.repeat(251);
    const bad = 'CLIENT_ERROR bad command line format\r\n';
    expect(await ask(`set ${key} 0 0 2\r\nmn\r\nset a 0 x 2\r\nmn\r\nms ${key} 2\r\nmn\r\n`)).toBe(
      bad.repeat(3),
    );
    expect(await ask(`get ${key}\r\n`)).toBe(`${bad}\r\n`);
  });

  it('takes an item’s CAS from E, in every meta command', async () => {
    expect(await ask('ms a 1 E500 c\r\n5\r\nma a E600 c\r\nmd a I E700\r\nmg a c\r\n')).toBe(
      'HD c500\r\nHD c600\r\nHD\r\nHD c700 X W\r\n',
    );
    expect(await ask('mg b N30 E800 c\r\nma n N0 E900 c\r\n')).toBe('HD c800 W\r\nHD c900\r\n');
    expect(await ask('mg a Ex\r\n')).toBe('CLIENT_ERROR bad token in command line format\r\n');
  });

  it('an older CAS from E with I leaves the item stale', async () => {
    await ask('ms a 1 E500\r\nx\r\n');
    expect(await ask('ms a 1 C400 I E501\r\ny\r\nmg a v c\r\n')).toBe('HD\r\nVA 1 c501 X W\r\ny\r\n');
  });

  it('mg C leaves out the value the asker has already', async () => {
    await ask('ms a 1 E500\r\nx\r\n');
    expect(await ask('mg a v c C500\r\nmg a v c C499\r\nmg none v C1\r\n')).toBe(
      'HD c500\r\nVA 1 c500\r\nx\r\nEN\r\n',
    );
  });

  it('md x drops the value and keeps an empty item', async () => {
    await ask('ms a 3 E500 F5\r\nabc\r\n');
    expect(await ask('md a x\r\nmg a v f c\r\n')).toBe('HD\r\nVA 0 f0 c500\r\n\r\n');
    expect(await ask('md a x I T30\r\nmg a v t\r\nmd none x\r\n')).toBe('HD\r\nVA 0 t30 X W\r\n\r\nNF\r\n');
  });

  it('ms s tells the size, the joined one for append', async () => {
    expect(await ask('ms a 3 s\r\nabc\r\nms a 2 s MA\r\nde\r\n')).toBe('HD s3\r\nHD s5\r\n');
  });

  it('append and prepend make the item with N', async () => {
    expect(await ask('ms a 1 MA\r\nb\r\nms a 1 MA N30\r\nb\r\nms a 1 MP N30\r\na\r\nmg a v t\r\n')).toBe(
      'NS\r\nHD\r\nHD\r\nVA 2 t30\r\nab\r\n',
    );
  });

  it('md says which flag was wrong', async () => {
    expect(await ask('md a z\r\nmd a k k\r\n')).toBe(
      'CLIENT_ERROR invalid flag\r\nCLIENT_ERROR duplicate flag\r\n',
    );
  });
});
