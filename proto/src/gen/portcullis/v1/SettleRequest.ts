// Original file: proto/portcullis/v1/decision.proto

import type { Settlement as _portcullis_v1_Settlement, Settlement__Output as _portcullis_v1_Settlement__Output } from '../../portcullis/v1/Settlement.js';
import type { Reuse as _portcullis_v1_Reuse, Reuse__Output as _portcullis_v1_Reuse__Output } from '../../portcullis/v1/Reuse.js';
import type { Refusal as _portcullis_v1_Refusal, Refusal__Output as _portcullis_v1_Refusal__Output } from '../../portcullis/v1/Refusal.js';

export interface SettleRequest {
  /**
   * At most 256; one with a result comes alone.
   */
  'settlements'?: (_portcullis_v1_Settlement)[];
  /**
   * At most 256.
   */
  'reuses'?: (_portcullis_v1_Reuse)[];
  /**
   * At most 256.
   */
  'refusals'?: (_portcullis_v1_Refusal)[];
}

export interface SettleRequest__Output {
  /**
   * At most 256; one with a result comes alone.
   */
  'settlements'?: (_portcullis_v1_Settlement__Output)[];
  /**
   * At most 256.
   */
  'reuses'?: (_portcullis_v1_Reuse__Output)[];
  /**
   * At most 256.
   */
  'refusals'?: (_portcullis_v1_Refusal__Output)[];
}
