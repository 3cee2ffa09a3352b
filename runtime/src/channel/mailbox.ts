/** A bounded queue between a producer that calls and a consumer that iterates. */
export interface Mailbox<T> {
  /** Adds an item; the oldest one is dropped when the box is full. No effect after the end. */
  push(item: T): void;
  /** Ends the iteration after the items that wait. */
  end(): void;
  /** Calls back once when the box ends for whatever reason; at once when it has ended already. One callback only. */
  onEnd(callback: () => void): void;
  /** The items as they come; for one consumer. Leaving the loop ends the box. */
  items(): AsyncIterable<T>;
}

/** Makes a mailbox of at most `capacity` waiting items that ends when `signal` aborts. */
export function createMailbox<T>(capacity: number, signal: AbortSignal): Mailbox<T> {
  const waiting: T[] = [];
  let isEnded = false;
  let wake: (() => void) | undefined;
  let onEnd: (() => void) | undefined;

  const end = (): void => {
    if (isEnded) return;
    isEnded = true;
    signal.removeEventListener('abort', end);
    onEnd?.();
    wake?.();
  };

  async function* items(): AsyncGenerator<T> {
    try {
      for (;;) {
        while (waiting.length > 0 && !signal.aborted) yield waiting.shift() as T;
        if (isEnded || signal.aborted) return;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        wake = undefined;
      }
    } finally {
      end();
    }
  }

  if (signal.aborted) end();
  else signal.addEventListener('abort', end, { once: true });
  return {
    push(item) {
      if (isEnded) return;
      if (waiting.length >= capacity) waiting.shift();
      waiting.push(item);
      wake?.();
    },
    end,
    onEnd(callback) {
      if (isEnded) callback();
      else onEnd = callback;
    },
    items,
  };
}
