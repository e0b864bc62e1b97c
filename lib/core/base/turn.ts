/**
 * One turn of the event loop, for everything that gathers what a turn brings: sockets write when a turn ends,
 * the clock is read once per turn, round robin advances once per turn.
 *
 * Invariant: {@link Turn.now} is never older than the turn that asks.
 */
import type { Clock } from './clock.js';

/** Somebody with something to do when the turn ends. */
export interface TurnTask {
  endTurn(): void;
}

export class Turn {
  #tasks: TurnTask[] = [];
  #armed = false;
  #now = 0;
  readonly #run = (): void => this.#end();

  constructor(readonly clock: Clock) {}

  /** The clock's time, read at most once per turn. */
  now(): number {
    if (!this.#armed) this.#arm();
    return this.#now;
  }

  /** Calls `task.endTurn()` when this turn ends. A task that may be added twice must keep count itself. */
  atEnd(task: TurnTask): void {
    if (!this.#armed) this.#arm();
    this.#tasks.push(task);
  }

  #arm(): void {
    this.#armed = true;
    this.#now = this.clock.now();
    process.nextTick(this.#run);
  }

  #end(): void {
    const tasks = this.#tasks;
    this.#armed = false;
    this.#tasks = [];
    for (const task of tasks) task.endTurn();
  }
}
