/** The same offered rate for everyone: half of what the best peer reaches with 50 in flight. */
import { get } from '../harness/operations.mjs';

export default {
  title: "get 100 B at half of the best peer's peak",
  keys: 1_000,
  bytes: 100,
  operation: get(),
  offered: { of: 'get-100b-50', share: 0.5 },
};
