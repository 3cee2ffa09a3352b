// Original file: proto/portcullis/v1/decision.proto

import type { Source as _portcullis_v1_Source, Source__Output as _portcullis_v1_Source__Output } from '../../portcullis/v1/Source.js';
import type { AttemptKind as _portcullis_v1_AttemptKind, AttemptKind__Output as _portcullis_v1_AttemptKind__Output } from '../../portcullis/v1/AttemptKind.js';
import type { Agent as _portcullis_v1_Agent, Agent__Output as _portcullis_v1_Agent__Output } from '../../portcullis/v1/Agent.js';
import type { Tool as _portcullis_v1_Tool, Tool__Output as _portcullis_v1_Tool__Output } from '../../portcullis/v1/Tool.js';
import type { User as _portcullis_v1_User, User__Output as _portcullis_v1_User__Output } from '../../portcullis/v1/User.js';
import type { ModelRequest as _portcullis_v1_ModelRequest, ModelRequest__Output as _portcullis_v1_ModelRequest__Output } from '../../portcullis/v1/ModelRequest.js';
import type { Egress as _portcullis_v1_Egress, Egress__Output as _portcullis_v1_Egress__Output } from '../../portcullis/v1/Egress.js';
import type { Peer as _portcullis_v1_Peer, Peer__Output as _portcullis_v1_Peer__Output } from '../../portcullis/v1/Peer.js';
import type { Context as _portcullis_v1_Context, Context__Output as _portcullis_v1_Context__Output } from '../../portcullis/v1/Context.js';
import type { IntentRisk as _portcullis_v1_IntentRisk, IntentRisk__Output as _portcullis_v1_IntentRisk__Output } from '../../portcullis/v1/IntentRisk.js';

export interface CanonicalRequest {
  'version'?: (string);
  'tenant_id'?: (string);
  'source'?: (_portcullis_v1_Source);
  'kind'?: (_portcullis_v1_AttemptKind);
  'agent'?: (_portcullis_v1_Agent | null);
  'tool'?: (_portcullis_v1_Tool | null);
  'user'?: (_portcullis_v1_User | null);
  'request'?: (_portcullis_v1_ModelRequest | null);
  'egress'?: (_portcullis_v1_Egress | null);
  'peer'?: (_portcullis_v1_Peer | null);
  'context'?: (_portcullis_v1_Context | null);
  'intent_risk'?: (_portcullis_v1_IntentRisk | null);
}

export interface CanonicalRequest__Output {
  'version'?: (string);
  'tenant_id'?: (string);
  'source'?: (_portcullis_v1_Source__Output);
  'kind'?: (_portcullis_v1_AttemptKind__Output);
  'agent'?: (_portcullis_v1_Agent__Output);
  'tool'?: (_portcullis_v1_Tool__Output);
  'user'?: (_portcullis_v1_User__Output);
  'request'?: (_portcullis_v1_ModelRequest__Output);
  'egress'?: (_portcullis_v1_Egress__Output);
  'peer'?: (_portcullis_v1_Peer__Output);
  'context'?: (_portcullis_v1_Context__Output);
  'intent_risk'?: (_portcullis_v1_IntentRisk__Output);
}
