// Original file: proto/portcullis/v1/decision.proto

import type { EvaluateResponse as _portcullis_v1_EvaluateResponse, EvaluateResponse__Output as _portcullis_v1_EvaluateResponse__Output } from '../../portcullis/v1/EvaluateResponse.js';

export interface EvaluateBatchResponse {
  'responses'?: (_portcullis_v1_EvaluateResponse)[];
}

export interface EvaluateBatchResponse__Output {
  'responses'?: (_portcullis_v1_EvaluateResponse__Output)[];
}
