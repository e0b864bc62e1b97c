/**
 * Stands for a database that takes its time. Every answer comes late on purpose, so that it can be felt when
 * the cache answers instead.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import type { Product, ProductChange } from './product.js';

/** Injection token: how long each query takes, in milliseconds. */
export const QUERY_TIME = Symbol('query time');

const SEED: [name: string, price: number][] = [
  ['Desk lamp', 3_900],
  ['Oak shelf', 12_500],
  ['Wool blanket', 7_900],
  ['Kettle', 5_400],
];

@Injectable()
export class ProductRepository {
  /** What the counters show: how often somebody had to wait. */
  readonly queries = { read: 0, written: 0 };
  readonly #products = new Map<string, Product>();

  constructor(@Inject(QUERY_TIME) private readonly queryTime: number) {
    for (const [index, [name, price]] of SEED.entries()) {
      const id = String(index + 1);
      this.#products.set(id, { id, name, price, updatedAt: new Date() });
    }
  }

  async all(): Promise<Product[]> {
    this.queries.read++;
    await wait(this.queryTime);
    return [...this.#products.values()];
  }

  async find(id: string): Promise<Product | undefined> {
    this.queries.read++;
    await wait(this.queryTime);
    return this.#products.get(id);
  }

  async findMany(ids: readonly string[]): Promise<Product[]> {
    this.queries.read++;
    await wait(this.queryTime);
    return ids.map((id) => this.#products.get(id)).filter((product) => product !== undefined);
  }

  async change(id: string, change: ProductChange): Promise<Product | undefined> {
    this.queries.written++;
    await wait(this.queryTime);
    const product = this.#products.get(id);
    if (product === undefined) return undefined;
    const changed = { ...product, ...change, updatedAt: new Date() };
    this.#products.set(id, changed);
    return changed;
  }

  async remove(id: string): Promise<boolean> {
    this.queries.written++;
    await wait(this.queryTime);
    return this.#products.delete(id);
  }
}
