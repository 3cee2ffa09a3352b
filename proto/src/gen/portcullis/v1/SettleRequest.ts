// Original file: proto/portcullis/v1/decision.proto

import type { Settlement as _portcullis_v1_Settlement, Settlement__Output as _portcullis_v1_Settlement__Output } from '../../portcullis/v1/Settlement.js';

export interface SettleRequest {
  /**
   * At most 256; one with a result comes alone.
   */
  'settlements'?: (_portcullis_v1_Settlement)[];
}

export interface SettleRequest__Output {
  /**
   * At most 256; one with a result comes alone.
   */
  'settlements'?: (_portcullis_v1_Settlement__Output)[];
}
