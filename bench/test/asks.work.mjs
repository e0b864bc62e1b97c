/** A measured process that does nothing but ask. */
import { askParent } from '../harness/parent.mjs';

export const run = () => askParent('anything');
