/** The port to whoever knows names by their context. */

import type { Span } from '@portcullis/policy/content';
import type { NerOutcome } from '@portcullis/policy/model';

/** What was found in each text that was asked about; in UTF-16 units. */
export type FoundEntities = ReadonlyMap<string, readonly Span[]>;

/** Finds entities. */
export interface EntityFinder {
  /**
   * Every text is answered for, within the configured time. Texts are well-formed or have their lone surrogates read as U+FFFD.
   * @throws NerFailure otherwise: then nothing is known of any
   */
  find(texts: ReadonlySet<string>): Promise<FoundEntities>;
  /** Ends its connections. */
  close(): void;
}

/** Nobody knows what is in the texts. The message says nothing of them. */
export class NerFailure extends Error {
  readonly outcome: Exclude<NerOutcome, 'answered' | 'unneeded'>;

  constructor(outcome: NerFailure['outcome'], message: string) {
    super(message);
    this.outcome = outcome;
  }
}
