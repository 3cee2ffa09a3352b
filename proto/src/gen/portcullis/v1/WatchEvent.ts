// Original file: proto/portcullis/v1/decision.proto

import type { Epochs as _portcullis_v1_Epochs, Epochs__Output as _portcullis_v1_Epochs__Output } from '../../portcullis/v1/Epochs.js';
import type { BundleFreshness as _portcullis_v1_BundleFreshness, BundleFreshness__Output as _portcullis_v1_BundleFreshness__Output } from '../../portcullis/v1/BundleFreshness.js';

export interface WatchEvent {
  'epochs'?: (_portcullis_v1_Epochs | null);
  'bundle_digest'?: (string);
  'policy_version'?: (string);
  'freshness'?: (_portcullis_v1_BundleFreshness);
  /**
   * Moves with every answer that people gave at this PDP, from wherever it starts: whoever waits for one asks again.
   */
  'approvals'?: (number);
}

export interface WatchEvent__Output {
  'epochs'?: (_portcullis_v1_Epochs__Output);
  'bundle_digest'?: (string);
  'policy_version'?: (string);
  'freshness'?: (_portcullis_v1_BundleFreshness__Output);
  /**
   * Moves with every answer that people gave at this PDP, from wherever it starts: whoever waits for one asks again.
   */
  'approvals'?: (number);
}
