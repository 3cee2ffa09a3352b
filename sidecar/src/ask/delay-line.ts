/**
 * A constant delay for many items with one timer. All questions share one deadline, so the order in which they are
 * added is the order in which they fall due: a queue does what a heap or a timer each would do, at a push per item.
 */

/** Hands items out `delayMs` after they were added. */
export interface DelayLine<T> {
  /** Adds an item; it comes out with the batch that is due `delayMs` from now. */
  add(item: T): void;
  /** Everything still inside, oldest first; the line is empty and stopped afterwards. */
  close(): readonly T[];
}

/** What a delay line needs. */
export interface DelayLineOptions<T> {
  readonly delayMs: number;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** Receives what is due, oldest first, never empty. Must not throw. */
  readonly due: (items: readonly T[]) => void;
}

/** Below this many handed-out items the queue is not compacted. */
const COMPACT_AT = 1024;

/** Creates a delay line. Its timer keeps the process alive while items are inside. */
export function createDelayLine<T>(options: DelayLineOptions<T>): DelayLine<T> {
  const { delayMs, now, due } = options;
  /** Nothing in place of what was handed out. */
  let items: (T | undefined)[] = [];
  let times: number[] = [];
  let head = 0;
  let timer: NodeJS.Timeout | undefined;
  let soon: NodeJS.Immediate | undefined;
  let closed = false;

  const arm = (): void => {
    const next = times[head];
    if (closed || next === undefined || timer !== undefined || soon !== undefined) {
      return;
    }
    timer = setTimeout(ripe, Math.max(1, Math.ceil(next - now())));
  };
  // Timers run before sockets are read. After a stall of our own process the answers may be waiting in the sockets, so
  // give them one turn before anything is declared overdue.
  const ripe = (): void => {
    timer = undefined;
    soon = setImmediate(release);
  };
  const release = (): void => {
    soon = undefined;
    const time = now();
    const start = head;
    while (head < times.length && (times[head] ?? 0) <= time) {
      head += 1;
    }
    if (head > start) {
      const batch = items.slice(start, head) as T[];
      // Under a steady load the line never runs empty, and items can be megabytes.
      items.fill(undefined, start, head);
      if (head === items.length) {
        items = [];
        times = [];
        head = 0;
      } else if (head >= COMPACT_AT && head * 2 >= items.length) {
        items = items.slice(head);
        times = times.slice(head);
        head = 0;
      }
      due(batch);
    }
    arm();
  };

  return {
    add(item) {
      if (closed) {
        return;
      }
      items.push(item);
      times.push(now() + delayMs);
      arm();
    },
    close() {
      closed = true;
      clearTimeout(timer);
      clearImmediate(soon);
      const rest = items.slice(head) as T[];
      items = [];
      times = [];
      head = 0;
      return rest;
    },
  };
}
