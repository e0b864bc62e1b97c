/**
 * Many calls that wait for one `AbortSignal` share one listener on it: Node warns of a leak at the eleventh.
 *
 * Invariant: a signal that nobody waits for any more has no listener of ours.
 */

interface Watch {
  waiting: Set<() => void>;
  listener: () => void;
}

const watches = new WeakMap<AbortSignal, Watch>();

/** Calls `aborted` when the signal is. @returns ends the wait */
export function onAbort(signal: AbortSignal, aborted: () => void): () => void {
  const watch = watches.get(signal) ?? begin(signal);
  watch.waiting.add(aborted);
  return () => {
    if (!watch.waiting.delete(aborted) || watch.waiting.size > 0 || watches.get(signal) !== watch) return;
    watches.delete(signal);
    signal.removeEventListener('abort', watch.listener);
  };
}

function begin(signal: AbortSignal): Watch {
  const waiting = new Set<() => void>();
  const listener = () => {
    watches.delete(signal);
    for (const aborted of [...waiting]) aborted();
  };
  const watch = { waiting, listener };
  watches.set(signal, watch);
  signal.addEventListener('abort', listener, { once: true });
  return watch;
}
