// Original file: proto/portcullis/v1/decision.proto


/**
 * What has searched under a decision that orders redaction (ADR-0035). Recorded beside the decision.
 */
export interface RedactionLayers {
  /**
   * Those that ran: recognisers, secrets, patterns, fields, ner.
   */
  'layers'?: (string)[];
  /**
   * How asking the service for names ended: answered, unneeded, failed, late; absent where nobody ordered it.
   */
  'ner'?: (string);
  '_ner'?: "ner";
}

/**
 * What has searched under a decision that orders redaction (ADR-0035). Recorded beside the decision.
 */
export interface RedactionLayers__Output {
  /**
   * Those that ran: recognisers, secrets, patterns, fields, ner.
   */
  'layers'?: (string)[];
  /**
   * How asking the service for names ended: answered, unneeded, failed, late; absent where nobody ordered it.
   */
  'ner'?: (string);
  '_ner'?: "ner";
}
