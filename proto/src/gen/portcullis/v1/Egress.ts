// Original file: proto/portcullis/v1/decision.proto

import type { StringList as _portcullis_v1_StringList, StringList__Output as _portcullis_v1_StringList__Output } from '../../portcullis/v1/StringList.js';

export interface Egress {
  'scheme'?: (string);
  'host'?: (string);
  'port'?: (number);
  'method'?: (string);
  'path'?: (string);
  'resolved_ips'?: (_portcullis_v1_StringList | null);
  'bytes'?: (number | string);
  '_scheme'?: "scheme";
  '_host'?: "host";
  '_port'?: "port";
  '_method'?: "method";
  '_path'?: "path";
  '_resolved_ips'?: "resolved_ips";
  '_bytes'?: "bytes";
}

export interface Egress__Output {
  'scheme'?: (string);
  'host'?: (string);
  'port'?: (number);
  'method'?: (string);
  'path'?: (string);
  'resolved_ips'?: (_portcullis_v1_StringList__Output);
  'bytes'?: (number);
  '_scheme'?: "scheme";
  '_host'?: "host";
  '_port'?: "port";
  '_method'?: "method";
  '_path'?: "path";
  '_resolved_ips'?: "resolved_ips";
  '_bytes'?: "bytes";
}
