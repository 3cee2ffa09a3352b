/** Wakes one who waits; a ring while nobody waits is kept for the next who does. */
export interface Bell {
  ring(): void;
  /** Returns at once if it rang since the last return, else when it rings, after `ms`, or when `signal` aborts. */
  rung(ms: number, signal: AbortSignal): Promise<void>;
}

/** Silent at first. */
export function createBell(): Bell {
  let isRinging = false;
  let wake: (() => void) | undefined;
  return {
    ring: () => {
      isRinging = true;
      wake?.();
    },
    rung: async (ms, signal) => {
      if (!isRinging && !signal.aborted) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, ms);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
          signal.addEventListener('abort', wake, { once: true });
        });
        if (wake !== undefined) signal.removeEventListener('abort', wake);
        wake = undefined;
      }
      isRinging = false;
    },
  };
}
