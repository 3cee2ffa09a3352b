/**
 * That people answered something, somewhere: whoever waits asks again. A hint from the PDPs that are watched; what it is
 * worth is in the answer to that question.
 */

/** Where news arrive. */
export interface AnswerNews {
  /** How much has been heard so far; take it before asking. */
  readonly heard: number;
  /** How many wait for more. */
  readonly waiting: number;
  /** A PDP that is watched said how much people have answered there; `undefined`: it is not watched any more. */
  told(endpoint: string, answers: number | undefined): void;
  /** Resolves when more was heard than `heard`, after `ms` milliseconds, or when `signal` is aborted. */
  after(heard: number, ms: number, signal: AbortSignal): Promise<void>;
}

/** Has heard nothing. */
export function createAnswerNews(): AnswerNews {
  const known = new Map<string, number>();
  const waiting = new Set<() => void>();
  let heard = 0;
  return {
    get heard() {
      return heard;
    },
    get waiting() {
      return waiting.size;
    },
    told(endpoint, answers) {
      // What was answered while nobody listened is news when it is watched again, whatever it then counts from.
      if (answers === undefined) return void known.delete(endpoint);
      if (known.get(endpoint) === answers) return undefined;
      known.set(endpoint, answers);
      heard += 1;
      for (const wake of [...waiting]) wake();
      return undefined;
    },
    after(since, ms, signal) {
      if (heard !== since || signal.aborted) return Promise.resolve();
      return new Promise((resolve) => {
        const wake = (): void => {
          clearTimeout(timer);
          waiting.delete(wake);
          signal.removeEventListener('abort', wake);
          resolve();
        };
        const timer = setTimeout(wake, ms);
        waiting.add(wake);
        signal.addEventListener('abort', wake);
      });
    },
  };
}
