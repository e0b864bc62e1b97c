/** Nine reads to a write, popular keys far more often than others (Zipf 0.99). */
import { closed } from '../harness/loads.mjs';
import { mix } from '../harness/operations.mjs';

export default {
  title: '90/10 get/set, zipf, 100 in flight',
  keys: 10_000,
  bytes: 100,
  operation: mix(0.9),
  load: closed(100),
  floor: true,
};
