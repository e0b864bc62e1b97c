/** The first lines on a socket: which server is what, and which is refused with which sentence. */
import {
  Handshake,
  type HandshakeOptions,
  type HandshakeStep,
} from '../../../lib/core/connection/handshake.js';

const auth = { user: 'alice', password: 's3cret ü' };

function handshake(options: Partial<HandshakeOptions> = {}) {
  return new Handshake('a:1', { protocol: 'auto', auth: undefined, knownProxy: false, ...options });
}

/** What a server that answers the question with `line` is taken for. */
function answer(line: string, options: Partial<HandshakeOptions> = {}): HandshakeStep {
  const shake = handshake(options);
  const question = shake.begin();
  return shake.receive(line.replace('KEY', /^mg (\S+)/.exec(question)?.[1] ?? ''));
}

const ready = (dialect: string) => ({ kind: 'ready', dialect });
const failed = (code: string, message: RegExp) => ({
  kind: 'failed',
  error: expect.objectContaining({ code, sent: 'no', node: 'a:1', message: expect.stringMatching(message) }),
});

describe('handshake', () => {
  test('asks one question without a data block, with a key that is never the same', () => {
    const questions = Array.from({ length: 50 }, () => handshake().begin());
    for (const question of questions) expect(question).toMatch(/^mg probe:[0-9a-f]{24} k O1\r\n$/);
    expect(new Set(questions).size).toBe(50);
    expect(handshake({ protocol: 'classic' }).begin()).toBe('version\r\n');
    expect(handshake({ knownProxy: true }).begin()).toBe('version\r\n');
  });

  test.each([
    ['a miss that names its request', 'EN kKEY O1', 'meta'],
    ['a miss of memcached before 1.6.18', 'EN', 'classic'],
    ['no meta at all', 'ERROR', 'classic'],
    ['a proxy without its backend', 'SERVER_ERROR Connection refused', 'classic'],
  ])('%s (%p) › is %s', (_name, line, dialect) => {
    expect(answer(line)).toEqual(ready(dialect));
  });

  test('a miss that names another request is not taken for meta', () => {
    expect(answer('EN kKEYx O1')).toMatchObject(failed('MEMCACHED_PROTOCOL', /right port/));
    expect(answer('EN kKEY O2')).toMatchObject(failed('MEMCACHED_PROTOCOL', /right port/));
  });

  test('CLIENT_ERROR or a close is a proxy: ask again as it understands it', () => {
    expect(answer('CLIENT_ERROR malformed request')).toEqual({ kind: 'ask-as-proxy' });
    const shake = handshake();
    shake.begin();
    expect(shake.closed()).toEqual({ kind: 'ask-as-proxy' });
  });

  test('a known proxy is ready whatever its backend says', () => {
    expect(answer('VERSION 0.5.0', { knownProxy: true })).toEqual(ready('proxy'));
    expect(answer('SERVER_ERROR Connection refused', { knownProxy: true })).toEqual(ready('proxy'));
    expect(answer('VERSION 1.6.18', { protocol: 'classic' })).toEqual(ready('classic'));
  });

  test("protocol 'meta' insists", () => {
    expect(answer('EN kKEY O1', { protocol: 'meta' })).toEqual(ready('meta'));
    for (const line of ['EN', 'ERROR', 'CLIENT_ERROR x', 'SERVER_ERROR x']) {
      expect(answer(line, { protocol: 'meta' })).toMatchObject(
        failed(
          'MEMCACHED_UNSUPPORTED',
          /does not speak the meta protocol .* use protocol 'auto' or 'classic'/,
        ),
      );
    }
  });

  test('a proxy that closes on version as well is no proxy: nothing is asked a third time', () => {
    for (const options of [
      { knownProxy: true },
      { protocol: 'classic' as const },
      { protocol: 'meta' as const },
    ]) {
      const shake = handshake(options);
      shake.begin();
      expect(shake.closed()).toMatchObject(
        failed('MEMCACHED_CONNECTION', /closed the connection before its first answer/),
      );
    }
  });

  test('logs in first, in bytes, and then asks', () => {
    const shake = handshake({ auth });
    expect(Buffer.from(shake.begin(), 'latin1').toString()).toBe('set auth 0 0 15\r\nalice s3cret ü\r\n');
    expect(shake.receive('STORED')).toEqual({ kind: 'write', text: expect.stringMatching(/^mg probe:/) });
  });

  test.each([
    'CLIENT_ERROR authentication failure',
    'CLIENT_ERROR bad authentication token format',
    'ERROR',
    'whatever',
  ])('credentials answered with %p are refused ones; the error does not hold them', (line) => {
    const shake = handshake({ auth });
    shake.begin();
    const step = shake.receive(line);
    expect(step).toMatchObject(failed('MEMCACHED_AUTH', /refused the credentials/));
    expect(JSON.stringify(step)).not.toMatch(/s3cret|alice/);
  });

  test('a server that closes at the login is no proxy', () => {
    const shake = handshake({ auth });
    shake.begin();
    expect(shake.closed()).toMatchObject(failed('MEMCACHED_CONNECTION', /closed/));
  });

  test('a server that wants credentials says so in words', () => {
    expect(answer('CLIENT_ERROR unauthenticated')).toMatchObject(
      failed('MEMCACHED_AUTH', /asks for credentials; give them as "auth: \{ user, password \}"/),
    );
  });

  test('a server that takes no more connections is told apart from one without meta', () => {
    expect(answer('ERROR Too many open connections')).toMatchObject(
      failed('MEMCACHED_CONNECTION', /takes no more connections \(its limit is -c\)/),
    );
    const shake = handshake({ auth });
    shake.begin();
    expect(shake.receive('ERROR Too many open connections')).toMatchObject(
      failed('MEMCACHED_CONNECTION', /takes no more connections/),
    );
  });

  test.each(['HTTP/1.1 400 Bad Request', '-ERR unknown command', 'SSH-2.0-OpenSSH_9.2', '', 'STORED'])(
    'a server that says %p is not memcached',
    (line) => {
      expect(answer(line)).toMatchObject(failed('MEMCACHED_PROTOCOL', /does not answer like memcached/));
    },
  );
});
