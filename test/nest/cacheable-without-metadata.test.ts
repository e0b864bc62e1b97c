/**
 * The same suite, compiled here and now without `emitDecoratorMetadata`, as esbuild, vite and tsx do.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { transformSync } from '@swc/core';
import type * as Suite from './cacheable.suite.js';
import { onEachBackend } from './support/backends.js';

function withoutMetadata(file: string): typeof Suite {
  const path = join(__dirname, file);
  const { code } = transformSync(readFileSync(path, 'utf8'), {
    filename: path,
    jsc: {
      target: 'es2022',
      parser: { syntax: 'typescript', decorators: true },
      transform: { legacyDecorator: true, decoratorMetadata: false },
      keepClassNames: true,
    },
    module: { type: 'commonjs' },
  });
  if (code.includes('design:')) throw new Error('This was compiled with metadata.');
  const module = { exports: {} };
  new Function('require', 'module', 'exports', code)(require, module, module.exports);
  return module.exports as typeof Suite;
}

const { cacheableSuite } = withoutMetadata('cacheable.suite.ts');

onEachBackend((start) => cacheableSuite(start, { withMetadata: false }));
