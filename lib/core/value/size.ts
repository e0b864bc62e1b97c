/**
 * How much fits into an item. Refusing what does not is left to the pool.
 */

/** What the server adds to every item: header 48, CAS token 8, the key's end 1, the line end 2. */
const ITEM_OVERHEAD = 59;
/** Stored flags; 0 is not stored. */
const FLAGS_SIZE = 4;

/**
 * The longest body, in bytes, that a server with `-I maxItemSize` stores under a key of so many bytes.
 * Less than 0 when there is no room even for the key.
 * @param maxItemSize - in bytes.
 */
export function largestValue(maxItemSize: number, keyBytes: number, flags: number): number {
  return maxItemSize - ITEM_OVERHEAD - keyBytes - (flags === 0 ? 0 : FLAGS_SIZE);
}
