/** Fifty callers, each asking again as soon as it is answered. */
import { closed } from '../harness/loads.mjs';
import { get } from '../harness/operations.mjs';

export default {
  title: 'get 100 B, 50 in flight',
  keys: 1_000,
  bytes: 100,
  operation: get(),
  load: closed(50),
  floor: true,
};
