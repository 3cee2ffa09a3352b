// Original file: proto/portcullis/v1/decision.proto

import type { Layer as _portcullis_v1_Layer, Layer__Output as _portcullis_v1_Layer__Output } from '../../portcullis/v1/Layer.js';

export interface PolicyFault {
  'policy'?: (string);
  'layer'?: (_portcullis_v1_Layer);
  'path'?: (string);
  'message'?: (string);
}

export interface PolicyFault__Output {
  'policy'?: (string);
  'layer'?: (_portcullis_v1_Layer__Output);
  'path'?: (string);
  'message'?: (string);
}
