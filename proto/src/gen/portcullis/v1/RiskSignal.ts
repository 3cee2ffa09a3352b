// Original file: proto/portcullis/v1/risk_analyser.proto


export interface RiskSignal {
  /**
   * Lower-case letters, digits and underscores, at most 64.
   */
  'signal_type'?: (string);
  /**
   * 0 to 1.
   */
  'score'?: (number | string);
  /**
   * Names, counts and types, at most 16; never a value of the request that may be secret.
   */
  'details'?: ({[key: string]: string});
}

export interface RiskSignal__Output {
  /**
   * Lower-case letters, digits and underscores, at most 64.
   */
  'signal_type'?: (string);
  /**
   * 0 to 1.
   */
  'score'?: (number);
  /**
   * Names, counts and types, at most 16; never a value of the request that may be secret.
   */
  'details'?: ({[key: string]: string});
}
