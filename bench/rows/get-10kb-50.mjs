/** Values that span several reads of the socket. */
import { closed } from '../harness/loads.mjs';
import { get } from '../harness/operations.mjs';

export default {
  title: 'get 10 KB, 50 in flight',
  keys: 1_000,
  bytes: 10_000,
  operation: get(),
  load: closed(50),
  floor: true,
};
