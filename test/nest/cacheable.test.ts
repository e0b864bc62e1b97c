import { cacheable } from './suite/cacheable.js';
import { onEachBackend } from './support/backends.js';

onEachBackend((start) => cacheable(start, { withMetadata: true }));
