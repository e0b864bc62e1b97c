/** One caller, one write at a time; client and server share a core. */
import { closed } from '../harness/loads.mjs';
import { set } from '../harness/operations.mjs';

export default {
  title: 'set 100 B, 1 in flight, one core',
  keys: 1_000,
  bytes: 100,
  operation: set(),
  load: closed(1),
  pinned: true,
  floor: true,
};
