/**
 * How often people answered at this PDP. Whoever waits for an answer is told through `Watch` that there is one, and asks
 * again; which one it is, is not told. It is a hint: what people said is in the store, and only there.
 */

/** Read by watchers. */
export interface AnswerCount {
  /** 0 to 2^32 - 1; then from 0 again. */
  current(): number;
  /** Calls `listener` after every answer. Returns the way to stop. Listeners must not throw. */
  onChange(listener: () => void): () => void;
}

/** An {@link AnswerCount} that its owner moves. */
export interface AnswerCounter extends AnswerCount {
  /** Somebody answered, and the store has it. */
  advance(): void;
}

/** Starts at 0. */
export function createAnswerCount(): AnswerCounter {
  const listeners = new Set<() => void>();
  let count = 0;
  return {
    current: () => count,
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    advance() {
      count = (count + 1) >>> 0;
      for (const listener of listeners) listener();
    },
  };
}
