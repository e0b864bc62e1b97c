/**
 * The same suite, its every file compiled here and now without `emitDecoratorMetadata`, as esbuild, vite and tsx
 * do.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { transformSync } from '@swc/core';
import type * as Suite from './suite/cacheable.js';
import { onEachBackend } from './support/backends.js';

const loaded = new Map<string, { exports: object }>();

/** Modules of the suite's folder are compiled here, whatever else they import as usual. */
function load(name: string): object {
  const known = loaded.get(name);
  if (known !== undefined) return known.exports;
  const filename = join(__dirname, 'suite', `${name}.ts`);
  const { code } = transformSync(readFileSync(filename, 'utf8'), {
    filename,
    jsc: {
      target: 'es2022',
      parser: { syntax: 'typescript', decorators: true },
      transform: { legacyDecorator: true, decoratorMetadata: false },
      keepClassNames: true,
    },
    module: { type: 'commonjs' },
  });
  if (code.includes('design:')) throw new Error(`${filename} was compiled with metadata.`);
  const module = { exports: {} };
  loaded.set(name, module);
  // Seen from here, what the suite calls '../x' is './x'.
  const from = (wanted: string): unknown =>
    wanted.startsWith('./') ? load(wanted.slice(2, -'.js'.length)) : require(wanted.replace(/^\.\.\//, './'));
  new Function('require', 'module', 'exports', code)(from, module, module.exports);
  return module.exports;
}

const { cacheable } = load('cacheable') as typeof Suite;

onEachBackend((start) => cacheable(start, { withMetadata: false }));
