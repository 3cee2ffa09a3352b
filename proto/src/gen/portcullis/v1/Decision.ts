// Original file: proto/portcullis/v1/decision.proto

import type { DecisionEffect as _portcullis_v1_DecisionEffect, DecisionEffect__Output as _portcullis_v1_DecisionEffect__Output } from '../../portcullis/v1/DecisionEffect.js';
import type { DenyReason as _portcullis_v1_DenyReason, DenyReason__Output as _portcullis_v1_DenyReason__Output } from '../../portcullis/v1/DenyReason.js';
import type { Condition as _portcullis_v1_Condition, Condition__Output as _portcullis_v1_Condition__Output } from '../../portcullis/v1/Condition.js';
import type { Obligation as _portcullis_v1_Obligation, Obligation__Output as _portcullis_v1_Obligation__Output } from '../../portcullis/v1/Obligation.js';
import type { MatchedPolicy as _portcullis_v1_MatchedPolicy, MatchedPolicy__Output as _portcullis_v1_MatchedPolicy__Output } from '../../portcullis/v1/MatchedPolicy.js';
import type { PolicyFault as _portcullis_v1_PolicyFault, PolicyFault__Output as _portcullis_v1_PolicyFault__Output } from '../../portcullis/v1/PolicyFault.js';
import type { Arm as _portcullis_v1_Arm, Arm__Output as _portcullis_v1_Arm__Output } from '../../portcullis/v1/Arm.js';
import type { Epochs as _portcullis_v1_Epochs, Epochs__Output as _portcullis_v1_Epochs__Output } from '../../portcullis/v1/Epochs.js';

export interface Decision {
  'decision_id'?: (string);
  'effect'?: (_portcullis_v1_DecisionEffect);
  'deny'?: (_portcullis_v1_DenyReason)[];
  'conditions'?: (_portcullis_v1_Condition)[];
  'obligations'?: (_portcullis_v1_Obligation)[];
  'cache_ttl_seconds'?: (number);
  'cache_scope'?: (string);
  'matched'?: (_portcullis_v1_MatchedPolicy)[];
  'errors'?: (_portcullis_v1_PolicyFault)[];
  'policy_version'?: (string);
  'evaluation_ms'?: (number | string);
  /**
   * Lower-case hex SHA-256 of the bundle's bytes.
   */
  'bundle_digest'?: (string);
  /**
   * Releases count from 1 and stay below 2^32.
   */
  'release_seq'?: (number);
  'arm'?: (_portcullis_v1_Arm);
  'engine'?: (string);
  'cached'?: (boolean);
  /**
   * The 32 bytes of SHA-256 over the request's RFC 8785 form, echoed; another digest is a refusal.
   */
  'request_digest'?: (Buffer | Uint8Array | string);
  /**
   * The epochs this answer was computed under; an answer older than what the PEP knows is not cached.
   */
  'epochs'?: (_portcullis_v1_Epochs | null);
  /**
   * SHA-256 over the RFC 8785 form of a fixed list of everything above (codec/content-digest.ts). Another digest is a
   * refusal: a field that was lost, garbled, or added by a later version can never widen what was allowed.
   */
  'content_digest'?: (Buffer | Uint8Array | string);
}

export interface Decision__Output {
  'decision_id'?: (string);
  'effect'?: (_portcullis_v1_DecisionEffect__Output);
  'deny'?: (_portcullis_v1_DenyReason__Output)[];
  'conditions'?: (_portcullis_v1_Condition__Output)[];
  'obligations'?: (_portcullis_v1_Obligation__Output)[];
  'cache_ttl_seconds'?: (number);
  'cache_scope'?: (string);
  'matched'?: (_portcullis_v1_MatchedPolicy__Output)[];
  'errors'?: (_portcullis_v1_PolicyFault__Output)[];
  'policy_version'?: (string);
  'evaluation_ms'?: (number);
  /**
   * Lower-case hex SHA-256 of the bundle's bytes.
   */
  'bundle_digest'?: (string);
  /**
   * Releases count from 1 and stay below 2^32.
   */
  'release_seq'?: (number);
  'arm'?: (_portcullis_v1_Arm__Output);
  'engine'?: (string);
  'cached'?: (boolean);
  /**
   * The 32 bytes of SHA-256 over the request's RFC 8785 form, echoed; another digest is a refusal.
   */
  'request_digest'?: (Buffer);
  /**
   * The epochs this answer was computed under; an answer older than what the PEP knows is not cached.
   */
  'epochs'?: (_portcullis_v1_Epochs__Output);
  /**
   * SHA-256 over the RFC 8785 form of a fixed list of everything above (codec/content-digest.ts). Another digest is a
   * refusal: a field that was lost, garbled, or added by a later version can never widen what was allowed.
   */
  'content_digest'?: (Buffer);
}
