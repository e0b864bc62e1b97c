/** Fifty callers writing. */
import { closed } from '../harness/loads.mjs';
import { set } from '../harness/operations.mjs';

export default {
  title: 'set 100 B, 50 in flight',
  keys: 1_000,
  bytes: 100,
  operation: set(),
  load: closed(50),
  floor: true,
};
