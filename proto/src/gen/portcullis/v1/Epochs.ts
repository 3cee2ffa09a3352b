// Original file: proto/portcullis/v1/decision.proto


export interface Epochs {
  'release_seq'?: (number);
  'trust'?: (number);
  'labels'?: (number);
  'kill'?: (number);
}

export interface Epochs__Output {
  'release_seq'?: (number);
  'trust'?: (number);
  'labels'?: (number);
  'kill'?: (number);
}
