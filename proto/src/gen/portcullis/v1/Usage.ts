// Original file: proto/portcullis/v1/decision.proto


/**
 * What a call used in the end. A field that is absent was not measured: its estimate stands.
 */
export interface Usage {
  'tokens'?: (number | string);
  /**
   * In currency units; absent where the PDP prices the tokens.
   */
  'cost'?: (number | string);
  /**
   * Sent and received; absent for the sum of bytes_out and bytes_in.
   */
  'bytes'?: (number | string);
  /**
   * Whole numbers. Tokens at the full price, without those of cached_tokens; `tokens` is the sum when it is absent.
   */
  'input_tokens'?: (number | string);
  'output_tokens'?: (number | string);
  /**
   * Read from the provider's cache.
   */
  'cached_tokens'?: (number | string);
  /**
   * What the provider says it used, which may not be what was asked for: its price counts.
   */
  'model'?: (string);
  'model_provider'?: (string);
  /**
   * Towards the agent.
   */
  'bytes_in'?: (number | string);
  /**
   * Away from it.
   */
  'bytes_out'?: (number | string);
  '_tokens'?: "tokens";
  '_cost'?: "cost";
  '_bytes'?: "bytes";
  '_input_tokens'?: "input_tokens";
  '_output_tokens'?: "output_tokens";
  '_cached_tokens'?: "cached_tokens";
  '_model'?: "model";
  '_model_provider'?: "model_provider";
  '_bytes_in'?: "bytes_in";
  '_bytes_out'?: "bytes_out";
}

/**
 * What a call used in the end. A field that is absent was not measured: its estimate stands.
 */
export interface Usage__Output {
  'tokens'?: (number);
  /**
   * In currency units; absent where the PDP prices the tokens.
   */
  'cost'?: (number);
  /**
   * Sent and received; absent for the sum of bytes_out and bytes_in.
   */
  'bytes'?: (number);
  /**
   * Whole numbers. Tokens at the full price, without those of cached_tokens; `tokens` is the sum when it is absent.
   */
  'input_tokens'?: (number);
  'output_tokens'?: (number);
  /**
   * Read from the provider's cache.
   */
  'cached_tokens'?: (number);
  /**
   * What the provider says it used, which may not be what was asked for: its price counts.
   */
  'model'?: (string);
  'model_provider'?: (string);
  /**
   * Towards the agent.
   */
  'bytes_in'?: (number);
  /**
   * Away from it.
   */
  'bytes_out'?: (number);
  '_tokens'?: "tokens";
  '_cost'?: "cost";
  '_bytes'?: "bytes";
  '_input_tokens'?: "input_tokens";
  '_output_tokens'?: "output_tokens";
  '_cached_tokens'?: "cached_tokens";
  '_model'?: "model";
  '_model_provider'?: "model_provider";
  '_bytes_in'?: "bytes_in";
  '_bytes_out'?: "bytes_out";
}
