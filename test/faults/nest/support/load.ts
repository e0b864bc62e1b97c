/**
 * HTTP traffic on a website that never lets up, from autocannon, and what became of it. Every answer is held
 * against what its page must say.
 */
import autocannon from 'autocannon';
import { until } from '../../support/stage.js';
import { type Page, textOf, type Website } from './website.js';

const CONNECTIONS = 50;

export interface Outcome {
  /** Answers that were not 200, or said what another page says; the first few of them. */
  wrong: string[];
  /** Connections that failed, were closed without an answer or waited longer than ten seconds. */
  failures: number;
  /** Requests without an answer beyond those that were under way when the traffic was ended. */
  unanswered: number;
}

export class Load {
  answered = 0;
  readonly #wrong: string[] = [];
  readonly #running: autocannon.Instance;
  readonly #result: Promise<autocannon.Result>;

  /** Asks for the pages in turn, on fifty connections, until {@link stop}. */
  constructor(site: Website, paths: readonly string[]) {
    let settle: (result: autocannon.Result) => void;
    this.#result = new Promise((resolve) => {
      settle = resolve;
    });
    const requests = paths.map((path) => ({
      path,
      onResponse: (status: number, body: string) => this.#judge(path, status, body),
    }));
    const options = { url: site.url, connections: CONNECTIONS, duration: 600, timeout: 10, requests };
    this.#running = autocannon(options, (_error, result) => settle(result));
  }

  /** Resolves when so many more requests have been answered. */
  async serves(more: number): Promise<void> {
    const goal = this.answered + more;
    await until(() => this.answered >= goal);
  }

  async stop(): Promise<Outcome> {
    this.#running.stop();
    const { errors, resets, requests } = await this.#result;
    const failures = errors + (resets ?? 0);
    const unanswered = Math.max(0, requests.sent - this.answered - CONNECTIONS);
    return { wrong: this.#wrong, failures, unanswered };
  }

  #judge(path: string, status: number, body: string): void {
    this.answered++;
    if (status === 200 && isRight(path, body)) return;
    if (this.#wrong.length < 5) this.#wrong.push(`${path}: ${status} ${body.slice(0, 100)}`);
  }
}

function isRight(path: string, body: string): boolean {
  const page = JSON.parse(body) as Page;
  return page.path === path && page.text === textOf(path);
}
