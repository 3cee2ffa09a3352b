// Original file: proto/portcullis/v1/decision.proto

import type { EnforcementOutcome as _portcullis_v1_EnforcementOutcome, EnforcementOutcome__Output as _portcullis_v1_EnforcementOutcome__Output } from '../../portcullis/v1/EnforcementOutcome.js';
import type { Usage as _portcullis_v1_Usage, Usage__Output as _portcullis_v1_Usage__Output } from '../../portcullis/v1/Usage.js';

export interface Settlement {
  'decision_id'?: (string);
  'outcome'?: (_portcullis_v1_EnforcementOutcome);
  'request_digest'?: (Buffer | Uint8Array | string);
  'duration_ms'?: (number);
  'usage'?: (_portcullis_v1_Usage | null);
}

export interface Settlement__Output {
  'decision_id'?: (string);
  'outcome'?: (_portcullis_v1_EnforcementOutcome__Output);
  'request_digest'?: (Buffer);
  'duration_ms'?: (number);
  'usage'?: (_portcullis_v1_Usage__Output);
}
