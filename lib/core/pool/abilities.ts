/**
 * What the server of a node can do beyond the meta protocol of 1.6.18, proven once per node and connection.
 *
 * Invariant: an answer counts for the connection it was found out on and no longer, because another server may
 * answer at the same address next time. A proof that failed for want of an answer proves nothing and is made
 * again. How something is proven is `leases.ts`'s business.
 */
import { MemcachedServerError } from '../base/errors.js';
import type { Node } from '../node/node.js';
import type { CallOptions } from './types.js';

/**
 * `leases`: one reader wins the right to refill. `explicitCas`: an item's CAS id can be chosen (`E`, 1.6.27).
 * `conditionalGet`: who names the CAS id it knows is sent a value only if that has changed (`mg C`, 1.6.40).
 */
export type Ability = 'leases' | 'explicitCas' | 'conditionalGet';

interface Finding {
  readonly epoch: number;
  readonly answer: Promise<boolean>;
  known: boolean | undefined;
}

export type Proof = (node: Node, options: CallOptions | undefined) => Promise<boolean>;

export class Abilities {
  readonly #findings: Record<Ability, WeakMap<Node, Finding>> = {
    leases: new WeakMap(),
    explicitCas: new WeakMap(),
    conditionalGet: new WeakMap(),
  };

  /** @param connected - resolves when a node has a socket, within the time that a call may take */
  constructor(
    private readonly proofs: Readonly<Record<Ability, Proof>>,
    private readonly connected: (node: Node, options: CallOptions | undefined) => Promise<void>,
  ) {}

  /** @throws MemcachedError when the node could not be asked. */
  async has(node: Node, ability: Ability, options?: CallOptions): Promise<boolean> {
    await this.connected(node, options);
    const findings = this.#findings[ability];
    const found = findings.get(node);
    if (found?.epoch === node.epoch) return found.answer;
    const answer = node.dialect === 'meta' ? this.#prove(node, ability, options) : Promise.resolve(false);
    const finding: Finding = { epoch: node.epoch, answer, known: undefined };
    findings.set(node, finding);
    answer.then(
      (has) => {
        finding.known = has;
      },
      () => {
        if (findings.get(node) === finding) findings.delete(node);
      },
    );
    return answer;
  }

  /** What {@link has} found out of the server that the node is connected to; `undefined`: nothing yet. */
  known(node: Node, ability: Ability): boolean | undefined {
    const found = this.#findings[ability].get(node);
    return found?.epoch === node.epoch ? found?.known : undefined;
  }

  async #prove(node: Node, ability: Ability, options: CallOptions | undefined): Promise<boolean> {
    try {
      return await this.proofs[ability](node, options);
    } catch (error) {
      // `CLIENT_ERROR`: it does not know the flag.
      if (error instanceof MemcachedServerError) return false;
      throw error;
    }
  }
}
