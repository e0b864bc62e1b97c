import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

// Everything that is published as ES modules only is turned into CommonJS, so that one configuration
// runs on Node 20 to 26, with Nest 11 and 12, without flags.
const esmOnly = [
  '@nestjs',
  '@standard-schema',
  'file-type',
  'strtok3',
  'token-types',
  '@tokenizer',
  'uint8array-extras',
  'load-esm',
];

// jest refuses a root that is not there.
const roots = ['lib', 'test', 'sample-app']
  .map((folder) => fileURLToPath(new URL(folder, import.meta.url)))
  .filter(existsSync);

/** @type {import('jest').Config} */
export default {
  testEnvironment: 'node',
  // Most tests wait for servers, so two of them share a core well.
  maxWorkers: 3,
  // Guards against a hang only; a busy machine is slow without being wrong.
  testTimeout: 30_000,
  // A failed test can leave a server running; the run must end and tell all the same.
  forceExit: true,
  roots,
  testMatch: ['**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/', '/test/compat/', '/test/long/'],
  moduleNameMapper: {
    '^nestjs-memcached-pool$': '<rootDir>/lib/index.ts',
    '^nestjs-memcached-pool/(.*)$': '<rootDir>/lib/$1/index.ts',
    '^(\\.{1,2}/.*)\\.js$': '$1',
  },
  extensionsToTreatAsEsm: [],
  transform: {
    '\\.[cm]?[jt]s$': [
      '@swc/jest',
      {
        jsc: {
          target: 'es2022',
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true },
          keepClassNames: true,
        },
        module: { type: 'commonjs' },
        sourceMaps: 'inline',
      },
    ],
  },
  transformIgnorePatterns: [`/node_modules/(?!(${esmOnly.join('|')})/)`],
};
