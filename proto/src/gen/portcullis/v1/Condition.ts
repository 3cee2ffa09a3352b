// Original file: proto/portcullis/v1/decision.proto

import type { ConditionType as _portcullis_v1_ConditionType, ConditionType__Output as _portcullis_v1_ConditionType__Output } from '../../portcullis/v1/ConditionType.js';

export interface Condition {
  'type'?: (_portcullis_v1_ConditionType);
  'value_json'?: (Buffer | Uint8Array | string);
}

export interface Condition__Output {
  'type'?: (_portcullis_v1_ConditionType__Output);
  'value_json'?: (Buffer);
}
