// Original file: proto/portcullis/v1/decision.proto


/**
 * What a call used in the end. A field that is absent was not measured: its estimate stands.
 */
export interface Usage {
  'tokens'?: (number | string);
  /**
   * In currency units.
   */
  'cost'?: (number | string);
  'bytes'?: (number | string);
  '_tokens'?: "tokens";
  '_cost'?: "cost";
  '_bytes'?: "bytes";
}

/**
 * What a call used in the end. A field that is absent was not measured: its estimate stands.
 */
export interface Usage__Output {
  'tokens'?: (number);
  /**
   * In currency units.
   */
  'cost'?: (number);
  'bytes'?: (number);
  '_tokens'?: "tokens";
  '_cost'?: "cost";
  '_bytes'?: "bytes";
}
