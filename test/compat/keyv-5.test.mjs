/** The Keyv ecosystem's own conformance suite, as it is published, with Keyv 5. */
import keyvTestSuite from '@keyv/test-suite';
import { Keyv } from 'keyv';
import * as vitest from 'vitest';
import { memcachedKeyv } from '../../lib/keyv/store.ts';
import { onEveryServer } from './servers.mjs';

onEveryServer('Keyv 5', (cache) => {
  keyvTestSuite(vitest, Keyv, () => memcachedKeyv(cache()));
});
