/**
 * Which room of lib/ may know which. Types count: an import that only the compiler sees is an arrow too.
 * Every `comment` is the sentence that `npm run check -- layers` prints for a wrong arrow, and
 * test/package/layers.test.ts feeds every rule a wrong arrow to see that sentence.
 */

/** Everything a room may import from lib/, besides itself. What is not named here is a wrong arrow. */
const mayKnow = {
  'core/base': [],
  'core/command': ['core/base'],
  'core/protocol': ['core/base', 'core/command'],
  'core/value': ['core/base', 'core/command'],
  'core/routing': ['core/base'],
  'core/connection': ['core/base', 'core/command', 'core/protocol', 'core/value'],
  'core/node': ['core/base', 'core/command', 'core/protocol', 'core/value', 'core/connection'],
  'core/discovery': [
    'core/base',
    'core/command',
    'core/protocol',
    'core/value',
    'core/routing',
    'core/connection',
    'core/node',
  ],
  'core/pool': [
    'core/base',
    'core/command',
    'core/protocol',
    'core/value',
    'core/routing',
    'core/connection',
    'core/node',
    'core/discovery',
  ],
  cache: ['core'],
  nest: ['core', 'cache'],
  keyv: ['core', 'cache', 'nest'],
  terminus: ['core', 'cache', 'nest'],
  throttler: ['core', 'cache', 'nest'],
  telemetry: ['core/base'],
  testing: ['core/base'],
};

/** Packages a room may import. Rooms that are not named import none. */
const mayUsePackages = {
  cache: ['lru-cache'],
  nest: ['@nestjs/common', '@nestjs/core', 'reflect-metadata', 'rxjs'],
  keyv: ['keyv', '@nestjs/common'],
  terminus: ['@nestjs/terminus', '@nestjs/common'],
  throttler: ['@nestjs/throttler', '@nestjs/common'],
  telemetry: ['@opentelemetry/api'],
};

const inputAndOutput =
  '^(node:)?(child_process|cluster|dgram|dns|fs|http|http2|https|inspector|net|readline|repl|stream|timers|tls|tty|worker_threads)(/|$)';

const rooms = Object.keys(mayKnow);
const folder = (room) => `^lib/${room}/`;
const listed = (names) =>
  names.length > 1 ? `${names.slice(0, -1).join(', ')} and ${names.at(-1)}` : names[0];

const roomRules = rooms.map((room) => ({
  name: `room ${room}`,
  severity: 'error',
  comment:
    mayKnow[room].length === 0
      ? `${room} is the ground floor: it imports no other room.`
      : `${room} knows only ${listed(mayKnow[room])}.`,
  from: { path: folder(room) },
  to: { path: '^lib/', pathNot: [room, ...mayKnow[room]].map(folder) },
}));

const packageRules = rooms
  .filter((room) => !room.startsWith('core/'))
  .map((room) => {
    const allowed = mayUsePackages[room] ?? [];
    return {
      name: `packages of ${room}`,
      severity: 'error',
      comment:
        allowed.length === 0
          ? `${room} imports no package: nothing but Node and the rooms below it.`
          : `Of all packages, ${room} imports only ${listed(allowed)}.`,
      from: { path: folder(room) },
      to: { path: '(^|/)node_modules/', pathNot: allowed.map((name) => `(^|/)node_modules/${name}/`) },
    };
  });

/** What computes, and therefore can be tested from bytes and given times alone. */
const withoutInputAndOutput = {
  'core/base': 'base is words and rules: no socket, no file, and a clock that is given.',
  'core/command': 'command says what can be asked: no socket, no timer, no file.',
  'core/protocol': 'protocol is pure functions over bytes: no socket, no timer, no file.',
  'core/value': 'value turns values into bytes and back: no socket, no timer, no file.',
  'core/routing': 'routing computes: no network, no file, no timer.',
  'core/node/blacklist.ts':
    'The blacklist is a pure state machine: no network, no file, no timer of its own.',
};

const pureRules = Object.entries(withoutInputAndOutput).map(([path, comment]) => ({
  name: `no input and output in ${path}`,
  severity: 'error',
  comment,
  from: { path: `^lib/${path}` },
  to: { path: inputAndOutput },
}));

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    ...roomRules,
    ...packageRules,
    ...pureRules,
    {
      name: 'packages of core',
      severity: 'error',
      comment: 'core imports no package: it knows nothing of Nest, rxjs or Keyv, only Node.',
      from: { path: '^lib/core/' },
      to: { path: '(^|/)node_modules/' },
    },
    {
      name: 'core entry',
      severity: 'error',
      comment: 'lib/core/index.ts shows what core has; what stands above core is not in it.',
      from: { path: '^lib/core/index\\.ts$' },
      to: { path: '^lib/', pathNot: '^lib/core/' },
    },
    {
      name: 'main entry',
      severity: 'error',
      comment:
        'lib/index.ts shows core, cache and nest. What needs an optional package, and what is only for tests, has an entry of its own.',
      from: { path: '^lib/index\\.ts$' },
      to: { path: '^(lib/|node_modules/)', pathNot: '^lib/(core|cache|nest)/' },
    },
    {
      name: 'a room for every file',
      severity: 'error',
      comment:
        'This file stands in no room, so no rule guards it: give its folder a line in .dependency-cruiser.cjs.',
      from: { path: '^lib/', pathNot: ['^lib/index\\.ts$', '^lib/core/index\\.ts$', ...rooms.map(folder)] },
      to: {},
    },
    {
      name: 'no barrel inside',
      severity: 'error',
      comment:
        'Inside the package nobody imports an index.ts: name the file that is meant. Barrels make cycles.',
      from: { path: '^lib/', pathNot: '^lib/index\\.ts$' },
      to: { path: '/index\\.ts$' },
    },
    {
      name: 'blacklist stands alone',
      severity: 'error',
      comment: 'The blacklist is a pure state machine: it knows base and command, no socket and no node.',
      from: { path: '^lib/core/node/blacklist\\.ts$' },
      to: { path: '^lib/', pathNot: [folder('core/base'), folder('core/command')] },
    },
    {
      name: 'no cycle',
      severity: 'error',
      comment: 'Files that import each other in a circle cannot be read one at a time. Types count.',
      from: { path: '^lib/' },
      to: { circular: true },
    },
    {
      name: 'library only',
      severity: 'error',
      comment:
        'lib imports nothing else of this repository: no test, no sample, no script, not its own build.',
      from: { path: '^lib/' },
      to: { dependencyTypesNot: ['core'], pathNot: ['^lib/', '(^|/)node_modules/'], couldNotResolve: false },
    },
    {
      name: 'declared packages',
      severity: 'error',
      comment: 'lib imports only packages that its users have: name it in peerDependencies.',
      from: { path: '^lib/' },
      to: {
        path: '(^|/)node_modules/',
        dependencyTypesNot: ['npm', 'npm-peer', 'npm-optional'],
      },
    },
    {
      name: 'found',
      severity: 'error',
      comment: 'This import leads nowhere.',
      from: { path: '^lib/' },
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: ['(^|/)node_modules/', '^dist/'] },
    exclude: { path: '\\.test\\.ts$' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    combinedDependencies: false,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
};
