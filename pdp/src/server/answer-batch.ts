/**
 * Answers of one turn in as few messages as possible: a gRPC message costs far more than an answer does. Nothing waits
 * for company; what is alone in its turn goes alone.
 */

/** No message holds more questions, or answers. */
export const MAX_BATCH = 256;

/** A message is closed before it grows beyond this; callers must accept that much. A larger answer goes by itself. */
const BATCH_BYTES = 64 * 1024;

/** Collects encoded answers. */
export interface AnswerBatch {
  /** Adds one answer: a serialised DecideResponse, which concatenates with others. */
  add(answer: Buffer): void;
  /** Writes what there is, now. */
  flush(): void;
}

/** `write` gets a message and the number of answers in it, at the end of the turn in which they were added. */
export function createAnswerBatch(write: (message: Buffer, answers: number) => void): AnswerBatch {
  let waiting: Buffer[] = [];
  let bytes = 0;

  const flush = (): void => {
    const [first] = waiting;
    if (first === undefined) return;
    const message = waiting.length === 1 ? first : Buffer.concat(waiting, bytes);
    const answers = waiting.length;
    waiting = [];
    bytes = 0;
    write(message, answers);
  };
  return {
    add: (answer) => {
      if (waiting.length === MAX_BATCH || bytes + answer.length > BATCH_BYTES) flush();
      if (waiting.length === 0) process.nextTick(flush);
      waiting.push(answer);
      bytes += answer.length;
    },
    flush,
  };
}
