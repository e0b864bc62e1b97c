/**
 * The rows, in the order they are measured and printed. A row is data: how many keys, how large their
 * values, what one request is and how requests arrive.
 *
 *     pinned    client and server share one core
 *     floor     the raw-socket floor can drive it
 *     offered   requests arrive at this share of the best peer's peak in another row
 */
export const ROWS = [
  'get-100b-50',
  'get-100b-500',
  'get-100b-1-pinned',
  'set-100b-1-pinned',
  'get-100b-one-per-turn',
  'get-100b-five-per-turn',
  'set-100b-50',
  'set-100b-500',
  'get-10kb-50',
  'get-500kb-10',
  'get-500kb-text-10',
  'getmany-100-10',
  'mix-90-10-100',
  'get-100b-half-peak',
];

export async function loadRow(id) {
  if (!ROWS.includes(id)) throw new Error(`There is no row "${id}"; there are ${ROWS.join(', ')}.`);
  return { id, ...(await import(`./${id}.mjs`)).default };
}
