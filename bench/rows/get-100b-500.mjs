/** Five hundred callers in lockstep: who gathers most per tick wins most. */
import { closed } from '../harness/loads.mjs';
import { get } from '../harness/operations.mjs';

export default {
  title: 'get 100 B, 500 in flight',
  keys: 1_000,
  bytes: 100,
  operation: get(),
  load: closed(500),
  floor: true,
};
