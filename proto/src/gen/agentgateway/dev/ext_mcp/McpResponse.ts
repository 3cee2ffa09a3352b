// Original file: proto/gateways/ext_mcp.proto

import type { Struct as _google_protobuf_Struct, Struct__Output as _google_protobuf_Struct__Output } from '../../../google/protobuf/Struct.js';

export interface McpResponse {
  'service_names'?: (string)[];
  'method'?: (string);
  'metadata_context'?: (_google_protobuf_Struct | null);
}

export interface McpResponse__Output {
  'service_names'?: (string)[];
  'method'?: (string);
  'metadata_context'?: (_google_protobuf_Struct__Output);
}
