// Original file: proto/portcullis/v1/decision.proto

import type { Question as _portcullis_v1_Question, Question__Output as _portcullis_v1_Question__Output } from '../../portcullis/v1/Question.js';

/**
 * At most 256 questions; a larger message ends the stream. Serialised messages concatenate: the bytes of two are the
 * bytes of one with the questions of both.
 */
export interface DecideRequest {
  'questions'?: (_portcullis_v1_Question)[];
}

/**
 * At most 256 questions; a larger message ends the stream. Serialised messages concatenate: the bytes of two are the
 * bytes of one with the questions of both.
 */
export interface DecideRequest__Output {
  'questions'?: (_portcullis_v1_Question__Output)[];
}
