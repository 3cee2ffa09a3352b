// Original file: proto/portcullis/v1/decision.proto

import type { Source as _portcullis_v1_Source, Source__Output as _portcullis_v1_Source__Output } from '../../portcullis/v1/Source.js';
import type { DenyCode as _portcullis_v1_DenyCode, DenyCode__Output as _portcullis_v1_DenyCode__Output } from '../../portcullis/v1/DenyCode.js';
import type { AttemptTarget as _portcullis_v1_AttemptTarget, AttemptTarget__Output as _portcullis_v1_AttemptTarget__Output } from '../../portcullis/v1/AttemptTarget.js';

/**
 * Attempts that the PEP refused by itself and that no decision stands for (ADR-0034): alike, and within a second or so of
 * each other. Whose they were is said by the certificate.
 */
export interface Refusal {
  'refusal_id'?: (string);
  'source'?: (_portcullis_v1_Source);
  'code'?: (_portcullis_v1_DenyCode);
  /**
   * The PEP's own word for why, where the code leaves that open: a reason code, or `JSONRPC -32700`.
   */
  'reason'?: (string);
  /**
   * The HTTP status that says the same, whatever the surface speaks.
   */
  'status'?: (number);
  /**
   * What they were about, as far as that was read. At most 256 characters each, like the reason.
   */
  'server'?: (string);
  'tool'?: (string);
  'operation'?: (string);
  /**
   * How many.
   */
  'count'?: (number);
  /**
   * RFC 3339: when the first was refused, and the last.
   */
  'at'?: (string);
  'last_at'?: (string);
  /**
   * What they would have reached besides a tool, as far as that was read.
   */
  'target'?: (_portcullis_v1_AttemptTarget | null);
  /**
   * The decision that had allowed it, where there was one: what was found out afterwards is the PEP's own refusal, too.
   */
  'decision_id'?: (string);
  '_reason'?: "reason";
  '_server'?: "server";
  '_tool'?: "tool";
  '_operation'?: "operation";
  '_target'?: "target";
  '_decision_id'?: "decision_id";
}

/**
 * Attempts that the PEP refused by itself and that no decision stands for (ADR-0034): alike, and within a second or so of
 * each other. Whose they were is said by the certificate.
 */
export interface Refusal__Output {
  'refusal_id'?: (string);
  'source'?: (_portcullis_v1_Source__Output);
  'code'?: (_portcullis_v1_DenyCode__Output);
  /**
   * The PEP's own word for why, where the code leaves that open: a reason code, or `JSONRPC -32700`.
   */
  'reason'?: (string);
  /**
   * The HTTP status that says the same, whatever the surface speaks.
   */
  'status'?: (number);
  /**
   * What they were about, as far as that was read. At most 256 characters each, like the reason.
   */
  'server'?: (string);
  'tool'?: (string);
  'operation'?: (string);
  /**
   * How many.
   */
  'count'?: (number);
  /**
   * RFC 3339: when the first was refused, and the last.
   */
  'at'?: (string);
  'last_at'?: (string);
  /**
   * What they would have reached besides a tool, as far as that was read.
   */
  'target'?: (_portcullis_v1_AttemptTarget__Output);
  /**
   * The decision that had allowed it, where there was one: what was found out afterwards is the PEP's own refusal, too.
   */
  'decision_id'?: (string);
  '_reason'?: "reason";
  '_server'?: "server";
  '_tool'?: "tool";
  '_operation'?: "operation";
  '_target'?: "target";
  '_decision_id'?: "decision_id";
}
