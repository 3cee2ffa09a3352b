import type { RequestKind, Workload, WorkRequest } from './workload.js';

/** What is measured of one subject at one size. */
export interface Measured {
  readonly metric: string;
  readonly value: number;
  readonly unit: string;
}

/** Policies in a subject's own text, not yet read by it. */
export interface Prepared {
  /** From text to something that answers; this is timed. */
  load(): Promise<Loaded>;
}

/** A subject that answers. */
export interface Loaded {
  /** A request in the form in which the subject takes it; not timed. */
  encode(request: WorkRequest): unknown;
  /** Whether it is allowed; this is timed. */
  decide(encoded: unknown): boolean | Promise<boolean>;
  /** Measures by the subject's own means, where it lives in another process or language. */
  measure?(kind: RequestKind, requests: readonly WorkRequest[]): Promise<readonly Measured[]>;
  /** The process whose memory holds the policies; this one when absent. */
  readonly pid?: number;
  close?(): Promise<void>;
}

/** An engine to be measured. */
export interface Subject {
  /** Why it cannot be measured here and what to do about it; nothing when it can. */
  missing?(): string | undefined;
  /** Writes the policies down; not timed. */
  prepare(workload: Workload): Promise<Prepared>;
}
