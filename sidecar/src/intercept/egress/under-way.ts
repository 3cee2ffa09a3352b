/** Tunnels that were taken from the HTTP server and are still open: counted, waited for, and ended at the end. */

/** The tunnels under way. */
export interface UnderWay {
  /** Runs one; `signal` is aborted when it must end. Never rejects if `work` does not. */
  run(work: (signal: AbortSignal) => Promise<void>): Promise<void>;
  /** Resolves when the last one is over. */
  finish(): Promise<void>;
  /** Ends all of them. */
  close(): Promise<void>;
}

/** None yet. */
export function createUnderWay(): UnderWay {
  const running = new Map<AbortController, Promise<void>>();
  const finish = async (): Promise<void> => {
    while (running.size > 0) await Promise.allSettled(running.values());
  };
  return {
    async run(work) {
      const ending = new AbortController();
      const done = work(ending.signal).finally(() => running.delete(ending));
      running.set(ending, done);
      await done;
    },
    finish,
    async close() {
      for (const ending of running.keys()) ending.abort();
      await finish();
    },
  };
}
