/** The streams that are open, so that a drain can end them in order and old ones can be asked to leave. */

/** One open stream. */
export interface OpenStream {
  /** Answers what is in flight, takes nothing new, then ends. */
  leave(): void;
}

/** All open streams. */
export interface OpenStreams {
  /** Adds a stream and asks it to leave once it is `maxAgeMs` old. Returns the way to take it off again. */
  add(stream: OpenStream): () => void;
  /** Asks every stream to leave, now and those still to come. */
  leaveAll(): void;
  readonly isDraining: boolean;
}

/** Starts empty. `maxAgeMs` is how long one stream may live. */
export function createOpenStreams(maxAgeMs: number): OpenStreams {
  const open = new Set<OpenStream>();
  let isDraining = false;
  return {
    add: (stream) => {
      open.add(stream);
      const timer = setTimeout(() => stream.leave(), isDraining ? 0 : maxAgeMs);
      timer.unref();
      return () => {
        clearTimeout(timer);
        open.delete(stream);
      };
    },
    leaveAll: () => {
      isDraining = true;
      for (const stream of open) stream.leave();
    },
    get isDraining() {
      return isDraining;
    },
  };
}
