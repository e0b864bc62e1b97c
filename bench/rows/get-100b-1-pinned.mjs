/** One caller, one request at a time, without the scheduler's say: client and server share a core. */
import { closed } from '../harness/loads.mjs';
import { get } from '../harness/operations.mjs';

export default {
  title: 'get 100 B, 1 in flight, one core',
  keys: 1_000,
  bytes: 100,
  operation: get(),
  load: closed(1),
  pinned: true,
  floor: true,
};
