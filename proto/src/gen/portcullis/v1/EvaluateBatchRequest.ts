// Original file: proto/portcullis/v1/decision.proto

import type { EvaluateRequest as _portcullis_v1_EvaluateRequest, EvaluateRequest__Output as _portcullis_v1_EvaluateRequest__Output } from '../../portcullis/v1/EvaluateRequest.js';

export interface EvaluateBatchRequest {
  'requests'?: (_portcullis_v1_EvaluateRequest)[];
}

export interface EvaluateBatchRequest__Output {
  'requests'?: (_portcullis_v1_EvaluateRequest__Output)[];
}
