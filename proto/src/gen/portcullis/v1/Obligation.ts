// Original file: proto/portcullis/v1/decision.proto


export interface Obligation {
  'type'?: (string);
  'value_json'?: (Buffer | Uint8Array | string);
}

export interface Obligation__Output {
  'type'?: (string);
  'value_json'?: (Buffer);
}
