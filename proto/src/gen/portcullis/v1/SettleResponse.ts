// Original file: proto/portcullis/v1/decision.proto


export interface SettleResponse {
  'accepted'?: (number);
}

export interface SettleResponse__Output {
  'accepted'?: (number);
}
