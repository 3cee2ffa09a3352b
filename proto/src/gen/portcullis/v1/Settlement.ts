// Original file: proto/portcullis/v1/decision.proto

import type { EnforcementOutcome as _portcullis_v1_EnforcementOutcome, EnforcementOutcome__Output as _portcullis_v1_EnforcementOutcome__Output } from '../../portcullis/v1/EnforcementOutcome.js';
import type { Usage as _portcullis_v1_Usage, Usage__Output as _portcullis_v1_Usage__Output } from '../../portcullis/v1/Usage.js';
import type { RedactionLayers as _portcullis_v1_RedactionLayers, RedactionLayers__Output as _portcullis_v1_RedactionLayers__Output } from '../../portcullis/v1/RedactionLayers.js';

export interface Settlement {
  'decision_id'?: (string);
  'outcome'?: (_portcullis_v1_EnforcementOutcome);
  'request_digest'?: (Buffer | Uint8Array | string);
  'duration_ms'?: (number);
  'usage'?: (_portcullis_v1_Usage | null);
  /**
   * What came back, as a strict JSON document; for the obligation `report_result`. Until it is accepted nobody gets it.
   */
  'result_json'?: (Buffer | Uint8Array | string);
  /**
   * The session of the attempt, as its request named it; only beside a result.
   */
  'session_id'?: (string);
  /**
   * Whether `result_json` is the beginning of the result's JSON as one text.
   */
  'result_truncated'?: (boolean);
  /**
   * Whose attempt it was; for those who speak for several agents, and only beside a result.
   */
  'tenant_id'?: (string);
  'agent_id'?: (string);
  /**
   * Where the decision orders something taken out; from the sidecar of an agent.
   */
  'redaction'?: (_portcullis_v1_RedactionLayers | null);
  '_result_json'?: "result_json";
  '_session_id'?: "session_id";
  '_tenant_id'?: "tenant_id";
  '_agent_id'?: "agent_id";
}

export interface Settlement__Output {
  'decision_id'?: (string);
  'outcome'?: (_portcullis_v1_EnforcementOutcome__Output);
  'request_digest'?: (Buffer);
  'duration_ms'?: (number);
  'usage'?: (_portcullis_v1_Usage__Output);
  /**
   * What came back, as a strict JSON document; for the obligation `report_result`. Until it is accepted nobody gets it.
   */
  'result_json'?: (Buffer);
  /**
   * The session of the attempt, as its request named it; only beside a result.
   */
  'session_id'?: (string);
  /**
   * Whether `result_json` is the beginning of the result's JSON as one text.
   */
  'result_truncated'?: (boolean);
  /**
   * Whose attempt it was; for those who speak for several agents, and only beside a result.
   */
  'tenant_id'?: (string);
  'agent_id'?: (string);
  /**
   * Where the decision orders something taken out; from the sidecar of an agent.
   */
  'redaction'?: (_portcullis_v1_RedactionLayers__Output);
  '_result_json'?: "result_json";
  '_session_id'?: "session_id";
  '_tenant_id'?: "tenant_id";
  '_agent_id'?: "agent_id";
}
