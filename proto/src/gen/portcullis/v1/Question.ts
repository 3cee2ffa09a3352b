// Original file: proto/portcullis/v1/decision.proto

import type { EvaluateRequest as _portcullis_v1_EvaluateRequest, EvaluateRequest__Output as _portcullis_v1_EvaluateRequest__Output } from '../../portcullis/v1/EvaluateRequest.js';
import type { Ping as _portcullis_v1_Ping, Ping__Output as _portcullis_v1_Ping__Output } from '../../portcullis/v1/Ping.js';

export interface Question {
  /**
   * Unique among the questions in flight on this stream; 0 is not used.
   */
  'id'?: (number);
  'evaluate'?: (_portcullis_v1_EvaluateRequest | null);
  'ping'?: (_portcullis_v1_Ping | null);
  /**
   * W3C Trace Context of the span that asks, for the decision's own span (ADR-0032). No part of what is decided, and
   * ignored when it is none. Of the unary calls it is in the metadata of the same names.
   */
  'traceparent'?: (string);
  'tracestate'?: (string);
  'ask'?: "evaluate"|"ping";
}

export interface Question__Output {
  /**
   * Unique among the questions in flight on this stream; 0 is not used.
   */
  'id'?: (number);
  'evaluate'?: (_portcullis_v1_EvaluateRequest__Output);
  'ping'?: (_portcullis_v1_Ping__Output);
  /**
   * W3C Trace Context of the span that asks, for the decision's own span (ADR-0032). No part of what is decided, and
   * ignored when it is none. Of the unary calls it is in the metadata of the same names.
   */
  'traceparent'?: (string);
  'tracestate'?: (string);
  'ask'?: "evaluate"|"ping";
}
