export {
  type MemcachedCheckOptions,
  MemcachedHealthIndicator,
  type MemcachedNodeReport,
} from './indicator.js';
