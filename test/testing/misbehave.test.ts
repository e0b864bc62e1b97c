/** The ways to misbehave do what they are called, to as many replies or connections as they were told, and end. */
import { connect } from 'node:net';
import { ManualClock, TestMemcached } from '../../lib/testing/index.js';
import { RawSocket } from '../support/raw-socket.js';

let server: TestMemcached;
let clock: ManualClock;
const sockets: RawSocket[] = [];

function open(): RawSocket {
  const socket = new RawSocket(connect(server.port, '127.0.0.1'));
  sockets.push(socket);
  return socket;
}

/** What stands before the answer to `version`, which closes every exchange. */
async function ask(socket: RawSocket, lines: string): Promise<string> {
  const end = 'VERSION 1.6.18\r\n';
  const answer = await socket.ask(`${lines}version\r\n`, (received) => received.endsWith(end));
  expect(answer.endsWith(end)).toBe(true);
  return answer.slice(0, -end.length);
}

/** Lets bytes that are on their way arrive. */
async function settle(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 20));
}

beforeEach(async () => {
  clock = new ManualClock();
  server = await TestMemcached.start({ clock });
  await ask(open(), 'set a 0 0 3\r\nabc\r\nset b 5 0 1\r\nx\r\n');
});

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await server.close();
  expect(clock.pendingTimers).toBe(0);
});

describe('refuse', () => {
  it('refuses new connections and leaves open ones alone, until it is stopped', async () => {
    const before = open();
    await before.line('mn');
    const { port } = server;
    const rule = server.misbehave.refuse();
    const refused = open();
    await refused.end();
    expect(refused.closed).toBe('ECONNREFUSED');
    expect(await before.line('mn')).toBe('MN\r\n');
    await rule.stop();
    expect(server.port).toBe(port);
    expect(await open().line('mn')).toBe('MN\r\n');
  });

  it('holds over a restart, and ends with nothing()', async () => {
    server.misbehave.refuse();
    server.misbehave.refuse();
    await server.restart();
    const refused = open();
    await refused.end();
    expect(refused.closed).toBe('ECONNREFUSED');
    await server.misbehave.nothing();
    expect(await open().line('mn')).toBe('MN\r\n');
  });
});

describe('hang', () => {
  it('reads and never answers, on open and on new connections; new ones are well after it', async () => {
    const before = open();
    await before.line('mn');
    server.clearCommands();
    const rule = server.misbehave.hang();
    const during = open();
    before.send('set hung 0 0 1\r\nx\r\n');
    during.send('mn\r\n');
    while (server.commands.length < 2) await settle();
    await rule.stop();
    before.send('mn\r\n');
    expect(await open().line('mg hung v')).toBe('VA 1\r\nx\r\n');
    await settle();
    expect([await before.until(() => true), await during.until(() => true)]).toEqual(['', '']);
    expect([before.closed, during.closed]).toEqual([undefined, undefined]);
  });

  it('begins with the command it is for', async () => {
    server.misbehave.hang().forCommand('mg').once();
    const socket = open();
    socket.send('mn\r\nmg a\r\nmn\r\n');
    expect(await socket.until((received) => received.length > 0)).toBe('MN\r\n');
    await settle();
    expect(await socket.until(() => true)).toBe('');
    expect(await open().line('mg a')).toBe('HD\r\n');
  });
});

describe('freeze', () => {
  it('reads nothing, and answers what came meanwhile when it ends', async () => {
    const before = open();
    await before.line('mn');
    const rule = server.misbehave.freeze();
    const during = open();
    await settle();
    server.clearCommands();
    before.send('mg a\r\n');
    during.send('mg b\r\n');
    await settle();
    expect(server.commands).toEqual([]);
    await rule.stop();
    expect(await before.until((received) => received !== '')).toBe('HD\r\n');
    expect(await during.until((received) => received !== '')).toBe('HD\r\n');
  });

  it('counted, takes the next connection only', async () => {
    const before = open();
    await before.line('mn');
    const rule = server.misbehave.freeze().once();
    await settle();
    expect(await before.line('mn')).toBe('MN\r\n');
    const frozen = open();
    frozen.send('mn\r\n');
    await settle();
    expect(await open().line('mn')).toBe('MN\r\n');
    expect(await frozen.until(() => true)).toBe('');
    await rule.stop();
    expect(await frozen.until((received) => received !== '')).toBe('MN\r\n');
  });

  it('holds back what was to leave later', async () => {
    server.misbehave.delay(10).once();
    const socket = open();
    socket.send('mn\r\n');
    while (!server.commands.includes('mn')) await settle();
    const rule = server.misbehave.freeze();
    await settle();
    clock.advance(10);
    await settle();
    expect(await socket.until(() => true)).toBe('');
    await rule.stop();
    expect(await socket.until((received) => received !== '')).toBe('MN\r\n');
  });
});

describe('delay', () => {
  it('lets each reply come so much later than it was ready, in order', async () => {
    server.misbehave.delay(500);
    const socket = open();
    server.clearCommands();
    socket.send('mg a k\r\n');
    while (server.commands.length < 1) await settle();
    clock.advance(300);
    socket.send('mg b k\r\n');
    while (server.commands.length < 2) await settle();
    clock.advance(199);
    await settle();
    expect(await socket.until(() => true)).toBe('');
    clock.advance(1);
    expect(await socket.until((received) => received !== '')).toBe('HD ka\r\n');
    clock.advance(299);
    await settle();
    expect(await socket.until(() => true)).toBe('');
    clock.advance(1);
    expect(await socket.until((received) => received !== '')).toBe('HD kb\r\n');
  });

  it('nothing overtakes a delayed reply', async () => {
    server.misbehave.delay(500).forCommand('mg').once();
    const socket = open();
    server.clearCommands();
    socket.send('mg a k\r\nmg b k\r\nmn\r\nquit\r\n');
    while (server.commands.length < 4) await settle();
    await settle();
    expect(await socket.until(() => true)).toBe('');
    clock.advance(500);
    expect(await socket.end()).toBe('HD ka\r\nHD kb\r\nMN\r\n');
  });
});

describe('dribble', () => {
  it('sends the same bytes in pieces', async () => {
    server.misbehave.dribble(2);
    const raw = connect(server.port, '127.0.0.1');
    const chunks: number[] = [];
    raw.on('data', (chunk) => chunks.push(chunk.length));
    const socket = new RawSocket(raw);
    sockets.push(socket);
    expect(await ask(socket, 'get a b\r\nmg a v\r\n')).toBe(
      'VALUE a 0 3\r\nabc\r\nVALUE b 5 1\r\nx\r\nEND\r\nVA 3\r\nabc\r\n',
    );
    expect(chunks.length).toBeGreaterThan(5);
  });
});

describe('cutAfter', () => {
  it('closes after exactly so many bytes, at every place of a reply', async () => {
    const whole = 'VALUE a 0 3\r\nabc\r\nEND\r\n';
    for (let bytes = 0; bytes <= whole.length; bytes++) {
      server.misbehave.cutAfter(bytes).once();
      const socket = open();
      socket.send('get a\r\n');
      expect(await socket.end()).toBe(whole.slice(0, bytes));
      expect(socket.closed).toBe('closed');
    }
  });

  it('counts on over later replies', async () => {
    server.misbehave.cutAfter(6).once();
    const socket = open();
    socket.send('mn\r\nmn\r\nmn\r\n');
    expect(await socket.end()).toBe('MN\r\nMN');
  });

  it('resets when told to', async () => {
    server.misbehave.cutAfter(2, { reset: true }).once();
    const socket = open();
    socket.send('mn\r\n');
    expect(await socket.end()).toBe('MN');
    expect(socket.closed).toBe('ECONNRESET');
  });

  it('cuts a large value in the middle', async () => {
    const socket = open();
    await socket.line(`set big 0 0 1000000\r\n${'x'.repeat(1_000_000)}`);
    server.misbehave.cutAfter(500_000).forCommand('get').once();
    socket.send('get big\r\n');
    expect((await socket.end()).length).toBe(500_000);
  });

  it('closes without a byte on the commands it is for, as a proxy that does not know them', async () => {
    server.misbehave.cutAfter(0).forCommand('mg', 'mn');
    const [one, two] = [open(), open()];
    one.send('mg a\r\n');
    two.send('mn\r\n');
    expect([await one.end(), await two.end()]).toEqual(['', '']);
    expect(await open().line('get none')).toBe('END\r\n');
  });
});

describe('connections', () => {
  it('closeOnAccept closes the next connections and no more', async () => {
    server.misbehave.closeOnAccept().times(2);
    const [one, two] = [open(), open()];
    expect([await one.end(), await two.end()]).toEqual(['', '']);
    expect(await open().line('mn')).toBe('MN\r\n');
  });

  it('closeOnAccept resets when told to', async () => {
    server.misbehave.closeOnAccept({ reset: true }).once();
    const socket = open();
    socket.send('mn\r\n');
    await socket.end();
    expect(socket.closed).toBe('ECONNRESET');
  });

  it('greet says something before it is asked', async () => {
    const rule = server.misbehave.greet('220 mail ready\r\n');
    const socket = open();
    expect(await socket.until((received) => received !== '')).toBe('220 mail ready\r\n');
    expect(await socket.line('mn')).toBe('MN\r\n');
    await rule.stop();
    expect(await open().line('mn')).toBe('MN\r\n');
  });
});

describe('replies', () => {
  it('answer replaces them, and the command is carried out all the same', async () => {
    server.misbehave.answer('SERVER_ERROR out of memory\r\n').forCommand('set').once();
    const socket = open();
    expect(await ask(socket, 'set c 0 0 1\r\nx\r\nset d 0 0 1\r\nx\r\nmg c\r\n')).toBe(
      'SERVER_ERROR out of memory\r\nSTORED\r\nHD\r\n',
    );
    server.misbehave.answer(Buffer.from([0, 255, 10])).once();
    expect(await ask(socket, 'mn\r\n')).toBe('\x00\xff\n');
  });

  it('before and after put bytes around them', async () => {
    server.misbehave.before('<').forCommand('mg').once();
    server.misbehave.after('>\r\n').forCommand('mg').once();
    expect(await ask(open(), 'mn\r\nmg a\r\nmg a\r\n')).toBe('MN\r\n<HD\r\n>\r\nHD\r\n');
  });

  it('drop loses the reply that was counted', async () => {
    server.misbehave.drop().nth(2);
    expect(await ask(open(), 'mg a k\r\nmg b k\r\nmg c k\r\n')).toBe('HD ka\r\nEN kc\r\n');
  });

  it('double sends it twice', async () => {
    server.misbehave.double().forCommand('mg').nth(2);
    expect(await ask(open(), 'mg a k\r\nmn\r\nmg b k\r\nmg c k\r\n')).toBe(
      'HD ka\r\nMN\r\nHD kb\r\nHD kb\r\nEN kc\r\n',
    );
  });

  it('swap lets the next one of the same connection pass', async () => {
    server.misbehave.swap().forCommand('mg').once();
    const [one, two] = [open(), open()];
    one.send('mg a k v\r\n');
    await settle();
    expect(await ask(two, 'mg b k\r\n')).toBe('HD kb\r\n');
    expect(await ask(one, 'mg b k v\r\n')).toBe('VA 1 kb\r\nx\r\nVA 3 ka\r\nabc\r\n');
  });

  it('wrongKey names another key of the same length, and passes over replies without one', async () => {
    server.misbehave.wrongKey().times(4);
    expect(
      await ask(open(), 'mn\r\nmg a\r\nmg a O1 k v\r\nget a\r\nmg none k\r\nmd none k O2\r\nmg a k\r\n'),
    ).toBe(
      'MN\r\nHD\r\nVA 3 O1 kx\r\nabc\r\nVALUE x 0 3\r\nabc\r\nEND\r\nEN knonx\r\nNF knonx O2\r\nHD ka\r\n',
    );
  });

  it('wrongOpaque answers with another one', async () => {
    server.misbehave.wrongOpaque().times(2);
    expect(await ask(open(), 'mg a\r\nmg a O12 k\r\nmg none k Ox\r\nmg a O5\r\n')).toBe(
      'HD\r\nHD O1x ka\r\nEN knone Oy\r\nHD O5\r\n',
    );
  });

  it('wrongLength is off by as much as it is told', async () => {
    server.misbehave.wrongLength().once();
    server.misbehave.wrongLength(-2).once();
    expect(await ask(open(), 'mg a\r\nget a\r\nmg a v k\r\n')).toBe(
      'HD\r\nVALUE a 0 2\r\nabc\r\nEND\r\nVA 3 ka\r\nabc\r\n',
    );
    server.misbehave.wrongLength(1).once();
    expect(await ask(open(), 'mg b v k\r\n')).toBe('VA 2 kb\r\nx\r\n');
  });

  it('alter changes the bytes and leaves the stored value alone', async () => {
    server.misbehave
      .alter((reply) => {
        reply[6]! ^= 1;
        return reply;
      })
      .once();
    expect(await ask(open(), 'mg a v\r\nmg a v\r\n')).toBe('VA 3\r\n`bc\r\nVA 3\r\nabc\r\n');
  });

  it('quiet commands have no reply to be counted', async () => {
    server.misbehave.drop().once();
    expect(await ask(open(), 'mg none q\r\nset c 0 0 1 noreply\r\nx\r\nmn\r\nmg a\r\n')).toBe('HD\r\n');
  });

  it('several rules apply in the order they were made', async () => {
    server.misbehave.answer('one\r\n').once();
    server.misbehave.after('two\r\n').once();
    server.misbehave.double().once();
    expect(await ask(open(), 'mn\r\nmn\r\n')).toBe('one\r\ntwo\r\none\r\ntwo\r\nMN\r\n');
  });

  it('a rule without a count holds until it is stopped, and nothing() stops them all', async () => {
    const socket = open();
    const rule = server.misbehave.drop().forCommand('mg');
    server.misbehave.before('!').forCommand('mn');
    expect(await ask(socket, 'mg a\r\nmg a\r\nmn\r\n')).toBe('!MN\r\n');
    await rule.stop();
    expect(await ask(socket, 'mg a\r\nmn\r\n')).toBe('HD\r\n!MN\r\n');
    await server.misbehave.nothing();
    expect(await ask(socket, 'mg a\r\nmn\r\n')).toBe('HD\r\nMN\r\n');
  });
});
