/** One question on its way: what was asked, whom, and what became of it so far. */

import type { Epochs } from '@portcullis/proto';
import type { Endpoint } from './endpoint.js';
import type { Answer, AskFailure } from './port.js';

/**
 * How a question ended. `trips`: whether it speaks against the cluster as a whole, which is what the breaker counts. That
 * no PDP answered this question in time is not enough: none may have decided any other in time meanwhile.
 */
export interface Outcome {
  readonly answer: Answer;
  readonly trips: boolean;
  /** For a decision that a PDP gave: which one, and under what. */
  readonly origin?: { readonly endpoint: string; readonly epochs: Epochs };
}

/** A question in flight. Mutable; owned by the dispatcher. */
export interface Question {
  /** The same on every stream it is sent to. */
  readonly id: number;
  /** A serialised DecideRequest with this question alone; it concatenates with others. */
  readonly frame: Buffer;
  /** Lower-case hex digest that the answer must echo. */
  readonly digest: string;
  /** Resolves the ask; only the first call counts. */
  readonly resolve: (outcome: Outcome) => void;
  /** Set once it is answered, by whomever. */
  settled: boolean;
  /** Everyone it was sent to, in order. */
  readonly asked: Endpoint[];
  /** How many of `asked` may still answer. */
  outstanding: number;
  /** When it was asked, monotonic milliseconds. */
  readonly askedAt: number;
  /** When it was last sent, monotonic milliseconds. */
  sentAt: number;
  /** When whoever has it was last pinged because of it, monotonic milliseconds. */
  nudgedAt: number;
  /** How often it was sent again because the first attempt came to nothing. */
  retries: number;
  /** What a PDP last said that is not an answer; what to report when nobody does better. */
  setback: AskFailure | undefined;
}
