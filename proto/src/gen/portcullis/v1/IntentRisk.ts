// Original file: proto/portcullis/v1/decision.proto

import type { RiskDecision as _portcullis_v1_RiskDecision, RiskDecision__Output as _portcullis_v1_RiskDecision__Output } from '../../portcullis/v1/RiskDecision.js';

export interface IntentRisk {
  'decision'?: (_portcullis_v1_RiskDecision);
  'explanation'?: (string);
  'behavioral_signals_json'?: (Buffer | Uint8Array | string);
  'risk_dimensions_json'?: (Buffer | Uint8Array | string);
  '_explanation'?: "explanation";
  '_behavioral_signals_json'?: "behavioral_signals_json";
  '_risk_dimensions_json'?: "risk_dimensions_json";
}

export interface IntentRisk__Output {
  'decision'?: (_portcullis_v1_RiskDecision__Output);
  'explanation'?: (string);
  'behavioral_signals_json'?: (Buffer);
  'risk_dimensions_json'?: (Buffer);
  '_explanation'?: "explanation";
  '_behavioral_signals_json'?: "behavioral_signals_json";
  '_risk_dimensions_json'?: "risk_dimensions_json";
}
