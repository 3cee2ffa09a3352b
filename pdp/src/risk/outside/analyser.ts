/** An analyser outside the PDP, however it is reached. */

/** What one call came to. Anything but an answer is a rejection. */
export interface OutsideTransport {
  /**
   * Asks once. `subject` is the UTF-8 JSON of {@link AnalysisSubject}. Resolves to the answer as it was parsed, not yet
   * checked; rejects when there is none within `timeoutMs`.
   */
  ask(subject: Uint8Array, timeoutMs: number): Promise<unknown>;
  close(): void;
}

/** One of them. */
export interface OutsideAnalyser {
  /** In explanations and in `details.source`. */
  readonly name: string;
  /** Whether the risk is unavailable without its answer; otherwise that is only said. */
  readonly required: boolean;
  /** What a score of 1 says about the whole; 0 to 1. */
  readonly weight: number;
  /** Milliseconds from the question to an answer that counts. */
  readonly deadlineMs: number;
  readonly transport: OutsideTransport;
}
