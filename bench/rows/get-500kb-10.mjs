/** Large values as Buffers, or as text from a client that has no Buffers. */
import { closed } from '../harness/loads.mjs';
import { get } from '../harness/operations.mjs';

export default {
  title: 'get 500 KB as Buffer, 10 in flight',
  keys: 20,
  bytes: 500_000,
  operation: get({ buffer: true }),
  load: closed(10),
  floor: true,
};
