// Original file: proto/portcullis/v1/decision.proto


export interface SettleResponse {
  'accepted'?: (number);
  /**
   * How many of the reuses are recorded now; a PEP reports the batch again unless these are all of them.
   */
  'reuses_recorded'?: (number);
  /**
   * How many of the refusals are recorded now. The others never will be.
   */
  'refusals_recorded'?: (number);
}

export interface SettleResponse__Output {
  'accepted'?: (number);
  /**
   * How many of the reuses are recorded now; a PEP reports the batch again unless these are all of them.
   */
  'reuses_recorded'?: (number);
  /**
   * How many of the refusals are recorded now. The others never will be.
   */
  'refusals_recorded'?: (number);
}
