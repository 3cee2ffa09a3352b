// Original file: proto/portcullis/v1/decision.proto

import type { DenyCode as _portcullis_v1_DenyCode, DenyCode__Output as _portcullis_v1_DenyCode__Output } from '../../portcullis/v1/DenyCode.js';

/**
 * The question could not be decided. Always read as a denial.
 */
export interface Fault {
  'code'?: (_portcullis_v1_DenyCode);
  'message'?: (string);
}

/**
 * The question could not be decided. Always read as a denial.
 */
export interface Fault__Output {
  'code'?: (_portcullis_v1_DenyCode__Output);
  'message'?: (string);
}
