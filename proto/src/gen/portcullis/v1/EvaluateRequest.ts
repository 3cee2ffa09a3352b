// Original file: proto/portcullis/v1/decision.proto

import type { CanonicalRequest as _portcullis_v1_CanonicalRequest, CanonicalRequest__Output as _portcullis_v1_CanonicalRequest__Output } from '../../portcullis/v1/CanonicalRequest.js';

export interface EvaluateRequest {
  'request'?: (_portcullis_v1_CanonicalRequest | null);
  /**
   * What the PEP computed over `request`; the PDP recomputes it and refuses a difference.
   */
  'request_digest'?: (Buffer | Uint8Array | string);
  /**
   * A JWT of the user for whom the agent acts (ADR-0012). Beside the request and outside its digest: the PDP verifies it,
   * and then forgets it. Empty means none.
   */
  'user_token'?: (string);
  /**
   * Whether the kill switch stops what was allowed already, and nothing else: nothing is evaluated, used up, drawn or
   * asked, and the answer is a denial in either case. The reason code NOT_STOPPED says that no kill stops it (ADR-0018).
   */
  'only_kills'?: (boolean);
}

export interface EvaluateRequest__Output {
  'request'?: (_portcullis_v1_CanonicalRequest__Output);
  /**
   * What the PEP computed over `request`; the PDP recomputes it and refuses a difference.
   */
  'request_digest'?: (Buffer);
  /**
   * A JWT of the user for whom the agent acts (ADR-0012). Beside the request and outside its digest: the PDP verifies it,
   * and then forgets it. Empty means none.
   */
  'user_token'?: (string);
  /**
   * Whether the kill switch stops what was allowed already, and nothing else: nothing is evaluated, used up, drawn or
   * asked, and the answer is a denial in either case. The reason code NOT_STOPPED says that no kill stops it (ADR-0018).
   */
  'only_kills'?: (boolean);
}
