import { defineConfig } from 'vitest/config';

export default defineConfig({
  // `globals` for test/support, which jest uses too.
  test: { include: ['*.test.mjs'], globals: true, fileParallelism: false, testTimeout: 20_000 },
});
