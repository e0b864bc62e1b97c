/**
 * What can be asked for on the command line, with its defaults and its help.
 */
import path from 'node:path';
import { parseArgs } from 'node:util';
import { ALL } from '../clients/index.mjs';
import { ROWS } from '../rows/index.mjs';
import { repositoryRoot } from './machine.mjs';

export const HELP = `npm run bench -- [SUBCOMMAND] [OPTIONS]

  rows           every client on every row, with the bars (the default)
  alone          the client without a kernel and a server, on a socket made of memory
  hits           what a hit takes in the layers above the client, on a socket made of memory
  head-of-line   small gets while large values stream on the same pool
  large          10 000 keys in one call; a 64 MB value
  growth         cost per operation against nodes, sockets, value size, requests outstanding
  classic        rows against memcached with protocol 'classic'
  nutcracker     rows through twemproxy
  codec          objects, strings, Buffers; what compression costs and gains
  nest           a hit of the cache and of @Cacheable beside a bare get
  http           requests per second of a Nest application behind its cache
  plot FILE      draws the charts of a JSON file again
  list           the rows and the clients

  --only ROW,...      these rows only
  --clients NAME,...  these clients only
  --rounds N          5 unless told otherwise; claims need at least 5
  --seconds N         measured per round, client and row; 1
  --warmup N          before that; 2.5
  --attempts N        stretches a client may run until both processors were at full speed before and after; 3
  --compare REF       this tree against another commit instead of against the peers
  --node VERSION      measure on another Node version, from npm's package "node"
  --rate N            requests per second of the rows with an offered rate
  --floor-get LINE    what the meta floor sends, with {key}; learned from our client unless given
  --floor-set LINE    the same, with {key} and {bytes}
  --option K=V        an option of our pool; may stand more than once
  --cpu N             the core for rows on one core; the last one
  --into FILE         with --only: puts these rows into an earlier result, beside its others
  --add FILE          adds these rounds to those of an earlier result of the same lib/core
  --out DIR           where JSON and SVG files go; docs/bench
  --no-build          use the library as it was built last
  --verbose           print what a failing client's process printed
`;

const list = (text) =>
  text
    ?.split(',')
    .map((word) => word.trim())
    .filter(Boolean);

function positive(name, text) {
  const number = Number(text);
  if (!(number > 0)) throw new Error(`--${name} takes a number above 0, not "${text}".`);
  return number;
}

function known(kind, words, all) {
  const strange = words?.find((word) => !all.includes(word));
  if (strange !== undefined)
    throw new Error(`There is no ${kind} "${strange}"; there are ${all.join(', ')}.`);
  return words;
}

export function readOptions(argv) {
  const text = { type: 'string' };
  const { values, positionals } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: {
      only: text,
      clients: text,
      rounds: { ...text, default: '5' },
      seconds: { ...text, default: '1' },
      warmup: { ...text, default: '2.5' },
      attempts: { ...text, default: '3' },
      compare: text,
      into: text,
      add: text,
      node: text,
      rate: text,
      'floor-get': text,
      'floor-set': text,
      option: { ...text, multiple: true, default: [] },
      cpu: text,
      out: { ...text, default: path.join(repositoryRoot, 'docs', 'bench') },
      'no-build': { type: 'boolean', default: false },
      verbose: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const rounds = Math.round(positive('rounds', values.rounds));
  const whole = ['only', 'clients', 'compare', 'into'].find((other) => values[other] !== undefined);
  if (values.add !== undefined && whole !== undefined)
    throw new Error(`--add measures the rows and clients of its file: leave --${whole} out.`);
  return {
    subcommand: positionals[0] ?? 'rows',
    file: positionals[1],
    help: values.help,
    only: known('row', list(values.only), ROWS),
    clients: known('client', list(values.clients), ALL),
    rounds,
    seconds: positive('seconds', values.seconds),
    warmup: positive('warmup', values.warmup),
    attempts: Math.round(positive('attempts', values.attempts)),
    compare: values.compare,
    into: values.into,
    add: values.add,
    node: values.node,
    rate: values.rate === undefined ? undefined : positive('rate', values.rate),
    floor: { get: values['floor-get'], set: values['floor-set'] },
    pool: Object.fromEntries(values.option.map(readPair)),
    cpu: values.cpu === undefined ? undefined : Number(values.cpu),
    out: path.resolve(values.out),
    build: !values['no-build'],
    verbose: values.verbose,
  };
}

function readPair(pair) {
  const at = pair.indexOf('=');
  if (at < 1) throw new Error(`--option takes NAME=VALUE, not "${pair}".`);
  return [pair.slice(0, at), pair.slice(at + 1)];
}
