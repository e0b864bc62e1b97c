/** One call for a hundred keys; a client without such a call sends a hundred gets. */
import { closed } from '../harness/loads.mjs';
import { getMany } from '../harness/operations.mjs';

export default {
  title: 'getMany of 100 x 100 B, 10 in flight',
  keys: 1_000,
  bytes: 100,
  operation: getMany(100),
  load: closed(10),
};
