// Original file: proto/gateways/ext_mcp.proto

import type { Struct as _google_protobuf_Struct, Struct__Output as _google_protobuf_Struct__Output } from '../../../google/protobuf/Struct.js';
import type { McpHeader as _agentgateway_dev_ext_mcp_McpHeader, McpHeader__Output as _agentgateway_dev_ext_mcp_McpHeader__Output } from '../../../agentgateway/dev/ext_mcp/McpHeader.js';

export interface McpRequest {
  /**
   * The servers that the call goes to: one, or all that a list is put together from.
   */
  'service_names'?: (string)[];
  'method'?: (string);
  /**
   * What the gateway's configuration says and evaluates.
   */
  'metadata_context'?: (_google_protobuf_Struct | null);
  /**
   * `params`, as JSON.
   */
  'mcp_request'?: (Buffer | Uint8Array | string);
  'headers'?: (_agentgateway_dev_ext_mcp_McpHeader)[];
  '_mcp_request'?: "mcp_request";
}

export interface McpRequest__Output {
  /**
   * The servers that the call goes to: one, or all that a list is put together from.
   */
  'service_names'?: (string)[];
  'method'?: (string);
  /**
   * What the gateway's configuration says and evaluates.
   */
  'metadata_context'?: (_google_protobuf_Struct__Output);
  /**
   * `params`, as JSON.
   */
  'mcp_request'?: (Buffer);
  'headers'?: (_agentgateway_dev_ext_mcp_McpHeader__Output)[];
  '_mcp_request'?: "mcp_request";
}
