/**
 * A queue in a ring of a power of two. Order is its only promise; a bound on its length is its owner's.
 */
export class Fifo<T> {
  #slots: (T | undefined)[] = new Array(16).fill(undefined);
  #mask = 15;
  #head = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  push(item: T): void {
    if (this.#size > this.#mask) this.#grow();
    this.#slots[(this.#head + this.#size) & this.#mask] = item;
    this.#size++;
  }

  /** The oldest item, left where it is. */
  peek(): T | undefined {
    return this.#slots[this.#head];
  }

  /** The item that stands `index` places behind the oldest. */
  at(index: number): T | undefined {
    return index < this.#size ? this.#slots[(this.#head + index) & this.#mask] : undefined;
  }

  shift(): T | undefined {
    if (this.#size === 0) return undefined;
    const item = this.#slots[this.#head];
    this.#slots[this.#head] = undefined;
    this.#head = (this.#head + 1) & this.#mask;
    this.#size--;
    // A burst must not hold its memory for ever.
    if (this.#size === 0 && this.#mask > 4095) this.#reset();
    return item;
  }

  /** Empties the queue and returns what was in it, oldest first. */
  drain(): T[] {
    const items: T[] = [];
    for (let i = 0; i < this.#size; i++) items.push(this.#slots[(this.#head + i) & this.#mask] as T);
    this.#reset();
    return items;
  }

  #reset(): void {
    this.#slots = new Array(16).fill(undefined);
    this.#mask = 15;
    this.#head = 0;
    this.#size = 0;
  }

  #grow(): void {
    const slots: (T | undefined)[] = new Array((this.#mask + 1) * 2);
    for (let i = 0; i < this.#size; i++) slots[i] = this.#slots[(this.#head + i) & this.#mask];
    slots.fill(undefined, this.#size);
    this.#slots = slots;
    this.#head = 0;
    this.#mask = slots.length - 1;
  }
}
