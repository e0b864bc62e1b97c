import { cacheableSuite } from './cacheable.suite.js';
import { onEachBackend } from './support/backends.js';

onEachBackend((start) => cacheableSuite(start, { withMetadata: true }));
