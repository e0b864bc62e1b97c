/**
 * What the meta commands have in common: the checks that come first, and how keys, TTLs and opaques are written.
 */
import { flagWords, LONGEST_OPAQUE, type MetaFlags, TOO_MANY_WORDS } from './meta-flags.js';
import type { Item, Store } from './store.js';
import { encodeBase64 } from './text.js';
import { BAD_LINE, LONGEST_KEY, type Turn } from './turn.js';

/** The part of the checks that all four share; `false` when the answer has been given. */
export function opens(turn: Turn): boolean {
  if (turn.count < 2) {
    turn.say('ERROR');
    return false;
  }
  if (turn.words[1]!.length > LONGEST_KEY) {
    turn.insist(BAD_LINE);
    return false;
  }
  if (turn.count > TOO_MANY_WORDS) {
    turn.insist(`CLIENT_ERROR options flags ${turn.verb === 'mg' ? 'are ' : ''}too long`);
    return false;
  }
  return true;
}

export function keyFlag(key: string, binary: boolean): string {
  return binary ? ` k${encodeBase64(key)} b` : ` k${key}`;
}

export function ttlLeft(store: Store, item: Item): string {
  return item.exptime === 0 ? '-1' : String((item.exptime - store.now()) >>> 0);
}

/** `O` and `k`, for replies without an item; `undefined` when the opaque is too long. */
export function echo(turn: Turn, flags: MetaFlags, from: number): string | undefined {
  let out = '';
  for (const word of flagWords(turn, from)) {
    if (word[0] === 'O') {
      if (word.length > LONGEST_OPAQUE) return undefined;
      out += ` ${word}`;
    } else if (word[0] === 'k') {
      out += keyFlag(flags.key, flags.binaryKey);
    }
  }
  return out;
}
