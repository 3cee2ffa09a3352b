// Original file: proto/portcullis/v1/decision.proto

import type { Decision as _portcullis_v1_Decision, Decision__Output as _portcullis_v1_Decision__Output } from '../../portcullis/v1/Decision.js';
import type { Fault as _portcullis_v1_Fault, Fault__Output as _portcullis_v1_Fault__Output } from '../../portcullis/v1/Fault.js';
import type { Ping as _portcullis_v1_Ping, Ping__Output as _portcullis_v1_Ping__Output } from '../../portcullis/v1/Ping.js';

export interface Answer {
  'id'?: (number);
  'decision'?: (_portcullis_v1_Decision | null);
  'fault'?: (_portcullis_v1_Fault | null);
  'pong'?: (_portcullis_v1_Ping | null);
  'answer'?: "decision"|"fault"|"pong";
}

export interface Answer__Output {
  'id'?: (number);
  'decision'?: (_portcullis_v1_Decision__Output);
  'fault'?: (_portcullis_v1_Fault__Output);
  'pong'?: (_portcullis_v1_Ping__Output);
  'answer'?: "decision"|"fault"|"pong";
}
