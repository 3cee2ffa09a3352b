// Original file: proto/portcullis/v1/decision.proto

import type { DenyCode as _portcullis_v1_DenyCode, DenyCode__Output as _portcullis_v1_DenyCode__Output } from '../../portcullis/v1/DenyCode.js';

export interface DenyReason {
  'code'?: (_portcullis_v1_DenyCode);
  'message'?: (string);
  'path'?: (string);
  'reason_code'?: (string);
  '_reason_code'?: "reason_code";
}

export interface DenyReason__Output {
  'code'?: (_portcullis_v1_DenyCode__Output);
  'message'?: (string);
  'path'?: (string);
  'reason_code'?: (string);
  '_reason_code'?: "reason_code";
}
