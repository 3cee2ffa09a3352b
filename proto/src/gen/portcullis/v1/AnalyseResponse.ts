// Original file: proto/portcullis/v1/risk_analyser.proto

import type { RiskSignal as _portcullis_v1_RiskSignal, RiskSignal__Output as _portcullis_v1_RiskSignal__Output } from '../../portcullis/v1/RiskSignal.js';

export interface AnalyseResponse {
  /**
   * At most 32.
   */
  'signals'?: (_portcullis_v1_RiskSignal)[];
  /**
   * 0 to 1 each, at most 32.
   */
  'risk_dimensions'?: ({[key: string]: number | string});
}

export interface AnalyseResponse__Output {
  /**
   * At most 32.
   */
  'signals'?: (_portcullis_v1_RiskSignal__Output)[];
  /**
   * 0 to 1 each, at most 32.
   */
  'risk_dimensions'?: ({[key: string]: number});
}
