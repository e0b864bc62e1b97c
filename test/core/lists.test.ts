/** A list of values is told value by value, and whoever is told one may end it there. */
import type { MemcachedError } from '../../lib/core/base/errors.js';
import type { Reply } from '../../lib/core/command/reply.js';
import { type Request, Verb } from '../../lib/core/command/request.js';
import type { Connection } from '../../lib/core/connection/connection.js';
import { FedConnection, GOES_ON } from '../faults/support/fed-connection.js';

jest.mock('../../lib/core/connection/open-socket.js', () => ({
  openSocket: (...given: [unknown, unknown, never, never]) =>
    jest
      .requireActual<typeof import('../faults/support/fed-connection.js')>(
        '../faults/support/fed-connection.js',
      )
      .fakeSocket(...given),
}));

class Interrupted extends FedConnection {
  /** What is done when a value has been told. */
  afterwards: (request: Request) => void = () => {};
  readonly inTime: boolean[] = [];

  override replied(request: Request, reply: Reply): void {
    super.replied(request, reply);
    this.afterwards(request);
  }

  /** Like a request that is sent again by another socket: its end is not here. */
  override failed(request: Request, error: MemcachedError): void {
    const { settled } = request;
    super.failed(request, error);
    request.settled = settled;
  }

  override answersRead(_connection?: Connection, inTime = false): void {
    this.inTime.push(inTime);
  }
}

const body = (key: string) => key.repeat(30);
const value = (key: string) => `VALUE ${key} 1 30\r\n${body(key)}\r\n`;
const told = (index: number, key: string) => `value ${index} f1 c tundefined ${body(key)}${GOES_ON}`;
const keys = ['a', 'b', 'c'];

describe.each(['meta', 'classic'] as const)('a list on a server that speaks %s', (dialect) => {
  const asked = () => {
    const fed = new Interrupted(dialect);
    fed.ask([
      [Verb.getBatch, '', { keys }],
      [Verb.delete, 'd'],
    ]);
    return fed;
  };
  const deleted = dialect === 'meta' ? 'HD O1\r\n' : 'DELETED\r\n';

  test('is told value by value', () => {
    const fed = asked();
    fed.feed(Buffer.from(`${keys.map(value).join('')}END\r\n${deleted}`));
    expect(fed.told).toEqual([[told(0, 'a'), told(1, 'b'), told(2, 'c'), 'miss'], ['done']]);
    expect(fed.slots).toBe(0);
  });

  test('whose caller gives up at the first value is read to its end, and told no further', () => {
    const fed = asked();
    fed.afterwards = (request) => request.settle();
    fed.feed(Buffer.from(`${keys.map(value).join('')}END\r\n${deleted}`));
    expect(fed.told).toEqual([[told(0, 'a')], ['done']]);
    expect(fed.closed).toBeUndefined();
  });

  test('at whose first value the connection is dropped is told nothing after its failure', () => {
    const fed = asked();
    fed.afterwards = () => fed.connection.drop('the test says so');
    fed.feed(Buffer.from(`${keys.map(value).join('')}END\r\n${deleted}`));
    expect(fed.told).toEqual([[told(0, 'a'), 'MEMCACHED_CONNECTION'], ['MEMCACHED_CONNECTION']]);
    expect(fed.inTime).toEqual([]);
  });

  test('of which one value has come is an answer in time', () => {
    const fed = asked();
    fed.feed(Buffer.from(value('a')));
    expect(fed.inTime).toEqual([true]);
    fed.feed(Buffer.from('VALUE b 1'));
    expect(fed.inTime).toEqual([true, false]);
  });
});
