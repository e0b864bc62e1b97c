/**
 * What every study needs: the built library, the Node to run it on, and the facts to print beside figures.
 */
import os from 'node:os';
import { describeClient, PEERS } from '../clients/index.mjs';
import { runChild } from './children.mjs';
import { buildOther, buildTree, otherNode } from './library.mjs';
import { describeMachine, describeTree, packageVersion, repositoryRoot } from './machine.mjs';
import { Processors } from './processors.mjs';
import { Progress } from './progress.mjs';

export async function prepare(options, say) {
  const node = options.node === undefined ? process.execPath : otherNode(options.node, say);
  const wantsOurs = options.clients === undefined || options.clients.includes('ours');
  if (wantsOurs && options.build) buildTree(repositoryRoot, say);
  const other = options.compare === undefined ? undefined : buildOther(options.compare, say);
  const settings = {
    rounds: options.rounds,
    seconds: options.seconds,
    warmup: options.warmup,
    attempts: options.attempts,
    ...(Object.keys(options.pool).length === 0 ? {} : { pool: options.pool }),
  };
  const versions = {};
  for (const name of PEERS.map((id) => describeClient(id).package)) versions[name] = packageVersion(name);
  const processors = await Processors.start();
  const answers = {
    becomeApart: () => processors.becomeApart(),
    areApart: () => processors.areApart(),
  };
  return {
    ...options,
    node,
    tree: repositoryRoot,
    other,
    say,
    pinnedCpu: options.cpu ?? os.cpus().length - 1,
    progress: (steps) => new Progress(steps),
    runChild: (job, settingsOf = {}) =>
      runChild(
        { tree: repositoryRoot, ...job },
        { node, ...settingsOf, answers: { ...answers, ...settingsOf.answers } },
      ),
    described: {
      when: new Date().toISOString(),
      machine: describeMachine(node),
      tree: describeTree(repositoryRoot),
      ...(other === undefined ? {} : { otherTree: { ref: options.compare, ...describeTree(other) } }),
      versions,
      settings,
    },
  };
}
