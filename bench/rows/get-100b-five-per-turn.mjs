/** Five callers arrive on each turn of the event loop. */
import { perTurn } from '../harness/loads.mjs';
import { get } from '../harness/operations.mjs';

export default {
  title: 'get 100 B, 50 in flight, five callers per turn',
  keys: 1_000,
  bytes: 100,
  operation: get(),
  load: perTurn(5, 50),
};
