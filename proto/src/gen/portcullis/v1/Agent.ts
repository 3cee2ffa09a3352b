// Original file: proto/portcullis/v1/decision.proto


export interface Agent {
  'id'?: (string);
  'type'?: (string);
  'trust_level'?: (number | string);
  'attributes_json'?: (Buffer | Uint8Array | string);
  '_type'?: "type";
  '_trust_level'?: "trust_level";
  '_attributes_json'?: "attributes_json";
}

export interface Agent__Output {
  'id'?: (string);
  'type'?: (string);
  'trust_level'?: (number);
  'attributes_json'?: (Buffer);
  '_type'?: "type";
  '_trust_level'?: "trust_level";
  '_attributes_json'?: "attributes_json";
}
