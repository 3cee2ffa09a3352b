// Original file: proto/portcullis/v1/decision.proto

import type { Answer as _portcullis_v1_Answer, Answer__Output as _portcullis_v1_Answer__Output } from '../../portcullis/v1/Answer.js';

/**
 * Answers in any order, to questions of any message.
 */
export interface DecideResponse {
  'answers'?: (_portcullis_v1_Answer)[];
}

/**
 * Answers in any order, to questions of any message.
 */
export interface DecideResponse__Output {
  'answers'?: (_portcullis_v1_Answer__Output)[];
}
