// Original file: proto/portcullis/v1/decision.proto

import type { MatchedPolicy as _portcullis_v1_MatchedPolicy, MatchedPolicy__Output as _portcullis_v1_MatchedPolicy__Output } from '../../portcullis/v1/MatchedPolicy.js';
import type { AttemptTarget as _portcullis_v1_AttemptTarget, AttemptTarget__Output as _portcullis_v1_AttemptTarget__Output } from '../../portcullis/v1/AttemptTarget.js';

/**
 * An allow that the PEP gave itself, out of an answer that it was allowed to keep (ADR-0017). It has an id of its own, and
 * settlements speak of that one.
 */
export interface Reuse {
  'decision_id'?: (string);
  /**
   * The id of the answer that was kept.
   */
  'reuse_of'?: (string);
  /**
   * Of the attempt that was allowed.
   */
  'request_digest'?: (Buffer | Uint8Array | string);
  'tenant_id'?: (string);
  'agent_id'?: (string);
  'server'?: (string);
  'tool'?: (string);
  'operation'?: (string);
  'arguments_digest'?: (Buffer | Uint8Array | string);
  /**
   * Of the answer that was kept.
   */
  'bundle_digest'?: (string);
  'policy_version'?: (string);
  'release_seq'?: (number);
  'matched'?: (_portcullis_v1_MatchedPolicy)[];
  /**
   * RFC 3339: when it was used.
   */
  'at'?: (string);
  /**
   * Of the attempt that was allowed, where it would reach more than a tool.
   */
  'target'?: (_portcullis_v1_AttemptTarget | null);
  '_server'?: "server";
  '_tool'?: "tool";
  '_operation'?: "operation";
  '_arguments_digest'?: "arguments_digest";
  '_target'?: "target";
}

/**
 * An allow that the PEP gave itself, out of an answer that it was allowed to keep (ADR-0017). It has an id of its own, and
 * settlements speak of that one.
 */
export interface Reuse__Output {
  'decision_id'?: (string);
  /**
   * The id of the answer that was kept.
   */
  'reuse_of'?: (string);
  /**
   * Of the attempt that was allowed.
   */
  'request_digest'?: (Buffer);
  'tenant_id'?: (string);
  'agent_id'?: (string);
  'server'?: (string);
  'tool'?: (string);
  'operation'?: (string);
  'arguments_digest'?: (Buffer);
  /**
   * Of the answer that was kept.
   */
  'bundle_digest'?: (string);
  'policy_version'?: (string);
  'release_seq'?: (number);
  'matched'?: (_portcullis_v1_MatchedPolicy__Output)[];
  /**
   * RFC 3339: when it was used.
   */
  'at'?: (string);
  /**
   * Of the attempt that was allowed, where it would reach more than a tool.
   */
  'target'?: (_portcullis_v1_AttemptTarget__Output);
  '_server'?: "server";
  '_tool'?: "tool";
  '_operation'?: "operation";
  '_arguments_digest'?: "arguments_digest";
  '_target'?: "target";
}
