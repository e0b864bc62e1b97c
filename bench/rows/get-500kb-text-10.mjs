/** Large values as every client hands them out unless asked for Buffers: as text. */
import { closed } from '../harness/loads.mjs';
import { get } from '../harness/operations.mjs';

export default {
  title: 'get 500 KB as text, 10 in flight',
  keys: 20,
  bytes: 500_000,
  operation: get(),
  load: closed(10),
};
