// Original file: proto/portcullis/v1/decision.proto

import type { Decision as _portcullis_v1_Decision, Decision__Output as _portcullis_v1_Decision__Output } from '../../portcullis/v1/Decision.js';

export interface EvaluateResponse {
  'decision'?: (_portcullis_v1_Decision | null);
}

export interface EvaluateResponse__Output {
  'decision'?: (_portcullis_v1_Decision__Output);
}
