/** One client at one step of what grows. */
import { closed } from '../harness/loads.mjs';
import { get } from '../harness/operations.mjs';
import { measureRow } from '../harness/run-row.mjs';

export function run(job) {
  const row = {
    keys: job.keys,
    bytes: job.bytes,
    operation: get({ buffer: job.buffer }),
    load: closed(job.inFlight),
  };
  return measureRow(row, job);
}
