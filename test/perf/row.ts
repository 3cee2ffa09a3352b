/** One measurement of a benchmark; printed as one JSON object per line. */
export interface Row {
  /** The benchmark's name, as given to `npm run bench -- NAME`. */
  readonly bench: string;
  /** What was varied, e.g. `64 in flight`. */
  readonly case: string;
  /** `portcullis`, or a peer's name. */
  readonly subject: string;
  /** What was measured, e.g. `p50`. */
  readonly metric: string;
  readonly value: number;
  /** The metric's unit, e.g. `ms`. */
  readonly unit: string;
}
