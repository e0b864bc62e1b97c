/** The fault proxy itself: what the scenarios stand on must do what it says, to the byte. */

import { once } from 'node:events';
import { connect } from 'node:net';
import { RawSocket } from '../support/raw-socket.js';
import { FaultProxy } from './proxy/proxy.js';
import { guardedPositions, ReplySplitter, withFlippedBit } from './proxy/replies.js';
import { backends, type Server, until } from './support/stage.js';

const backend = backends.find(({ available }) => available)!;
let server: Server;
let proxy: FaultProxy;

beforeEach(async () => {
  server = await backend.start();
  proxy = await FaultProxy.before(server);
});
afterEach(async () => {
  proxy.close();
  await server.stop();
});

async function open(): Promise<RawSocket> {
  const [host, port] = proxy.address.split(':');
  const socket = connect(Number(port), host);
  await once(socket, 'connect');
  const raw = new RawSocket(socket);
  // The first reply of a connection is the handshake's and out of bounds.
  await raw.line('mn');
  await raw.ask('ms a 3 F5 O9\r\none\r\nms b 3\r\ntwo\r\n', (received) => received.endsWith('HD\r\n'));
  return raw;
}

const BOTH = 'mg a v O1\r\nmg b v O2\r\n';
const A = 'VA 3 O1\r\none\r\n';
const B = 'VA 3 O2\r\ntwo\r\n';
const ends = (text: string) => (received: string) => received.endsWith(text);

it('changes nothing without a fault', async () => {
  const raw = await open();
  expect(await raw.ask(`${BOTH}get a b\r\n`, ends('END\r\n'))).toBe(
    `${A}${B}VALUE a 5 3\r\none\r\nVALUE b 0 3\r\ntwo\r\nEND\r\n`,
  );
  expect(proxy.spoilt).toBe(0);
});

type Spoil = (proxy: FaultProxy) => void;
it.each<[string, Spoil, string]>([
  ['dropped', (p) => p.reply(1).dropped(), B],
  ['doubled', (p) => p.reply(1).doubled(), A + A + B],
  ['swapped', (p) => p.reply(1).swapped(), B + A],
  ['misnamed', (p) => p.reply(1).misnamed(), A.replace('O1', 'O2') + B],
  ['mismeasured', (p) => p.reply(2).mismeasured(-1), A + B.replace('3', '2')],
  ['ended twice', (p) => p.reply(2).endedTwice(), `${A}${B}EN\r\n`],
  ['preceded', (p) => p.reply(2).before('x'), `${A}x${B}`],
  ['followed', (p) => p.everyReply().after('!'), `${A}!${B}!`],
  ['replaced', (p) => p.repliesLike(/two/).replacedBy('EN\r\n'), `${A}EN\r\n`],
])('a reply is %s where that was asked for, and the others are not', async (_, spoil, expected) => {
  const raw = await open();
  spoil(proxy);
  expect(await raw.ask(BOTH, (received) => received.length >= expected.length)).toBe(expected);
  await proxy.heal();
  expect(await raw.ask(BOTH, ends(B))).toBe(A + B);
});

it('names another key in a classic reply', async () => {
  const raw = await open();
  proxy.reply(1).misnamed();
  expect(await raw.ask('get a\r\n', ends('END\r\n'))).toBe('VALUE 1 5 3\r\none\r\nEND\r\n');
});

it.each(['fin', 'reset'] as const)('cuts a connection in mid-reply with a %s', async (how) => {
  const raw = await open();
  proxy.cutAfter(10, how);
  expect(await raw.ask(BOTH, () => false)).toBe(A.slice(0, 10));
  expect(raw.closed).toBe(how === 'fin' ? 'closed' : 'ECONNRESET');
});

it('holds answers back and delivers them late', async () => {
  const raw = await open();
  proxy.stall();
  raw.send(BOTH);
  await until(() => proxy.requests.endsWith(BOTH));
  let isHere = false;
  const late = raw.until(ends(B)).finally(() => {
    isHere = true;
  });
  await pause(30);
  expect(isHere).toBe(false);
  await proxy.heal();
  expect(await late).toBe(A + B);
});

it('lets nothing through a black hole, then or later', async () => {
  const raw = await open();
  proxy.blackHole();
  raw.send(BOTH);
  await until(() => proxy.requests.endsWith(BOTH));
  await proxy.heal();
  expect(await raw.line('mn')).toBe('MN\r\n');
});

it('does not read while told not to', async () => {
  const raw = await open();
  proxy.stopReading();
  raw.send('mg late\r\n');
  await pause(20);
  expect(proxy.requests).not.toContain('late');
  await proxy.heal();
  expect(await raw.until(ends('\r\n'))).toBe('EN\r\n');
});

it('brings answers whole however it splits them', async () => {
  const raw = await open();
  proxy.dribble(1);
  expect(await raw.ask(BOTH, ends(B))).toBe(A + B);
  await proxy.heal();
  proxy.splitAt(3, 11);
  expect(await raw.ask(BOTH, ends(B))).toBe(A + B);
});

it('refuses new connections, and takes them again when healed', async () => {
  const raw = await open();
  proxy.refuse();
  await expect(open()).rejects.toThrow('ECONNREFUSED');
  expect(await raw.line('mn')).toBe('MN\r\n');
  await proxy.heal();
  (await open()).destroy();
});

it('closes, greets or keeps waiting whoever connects', async () => {
  const [host, port] = proxy.address.split(':');
  const dial = () => new RawSocket(connect(Number(port), host));
  proxy.closeOnAccept();
  expect(await dial().end()).toBe('');
  proxy.greet('WHO ARE YOU\r\n');
  expect(await dial().until(ends('\r\n'))).toBe('WHO ARE YOU\r\n');
  proxy.acceptSlowly(5);
  expect(await dial().line('mn')).toBe('MN\r\n');
});

it('says nothing more on a half-closed connection but still listens', async () => {
  const raw = await open();
  proxy.endAll('half-close');
  expect(await raw.end()).toBe('');
});

it('cuts a stream into the same replies however it arrives', () => {
  const replies = [
    A,
    'HD\r\n',
    'VALUE a 0 5\r\nEND\r\n\r\nVALUE b 1 0 7\r\n\r\nEND\r\n',
    'STAT a b\r\nEND\r\n',
    '12\r\n',
    'EN\r\n',
  ];
  const stream = Buffer.from(replies.join(''));
  for (let size = 1; size <= stream.length; size++) {
    const splitter = new ReplySplitter();
    const cut: string[] = [];
    for (let at = 0; at < stream.length; at += size) {
      cut.push(...splitter.push(stream.subarray(at, at + size)).map(String));
    }
    expect(cut).toEqual(replies);
  }
});

it('flips bits only where a client must notice', () => {
  const shown = (text: string) =>
    [...text].map((letter, i) => (guardedPositions(Buffer.from(text)).includes(i) ? letter : '.')).join('');
  expect(shown('VA 3 f17 c9 s3 O1\r\none\r\n')).toBe('VA.3...........O1\r\n...\r\n');
  expect(shown('VALUE key 17 3\r\none\r\nEND\r\n')).toBe('VALUE........3\r\n...\r\nEND\r\n');
  expect(shown('STORED\r\n')).toBe('STORED\r\n');
  expect(shown('12\r\n')).toBe('....');
  const flipped = withFlippedBit(Buffer.from('HD O1\r\n'), () => 0.2);
  expect(flipped.equals(Buffer.from('HD O1\r\n'))).toBe(false);
});

const pause = (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds));
