// Original file: proto/portcullis/v1/decision.proto

import type { Layer as _portcullis_v1_Layer, Layer__Output as _portcullis_v1_Layer__Output } from '../../portcullis/v1/Layer.js';
import type { RuleEffect as _portcullis_v1_RuleEffect, RuleEffect__Output as _portcullis_v1_RuleEffect__Output } from '../../portcullis/v1/RuleEffect.js';

export interface MatchedPolicy {
  'policy'?: (string);
  'version'?: (string);
  'layer'?: (_portcullis_v1_Layer);
  'effect'?: (_portcullis_v1_RuleEffect);
  'conditions'?: (string)[];
}

export interface MatchedPolicy__Output {
  'policy'?: (string);
  'version'?: (string);
  'layer'?: (_portcullis_v1_Layer__Output);
  'effect'?: (_portcullis_v1_RuleEffect__Output);
  'conditions'?: (string)[];
}
