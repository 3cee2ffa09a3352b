// Original file: proto/gateways/ext_mcp.proto

import type { Pass as _agentgateway_dev_ext_mcp_Pass, Pass__Output as _agentgateway_dev_ext_mcp_Pass__Output } from '../../../agentgateway/dev/ext_mcp/Pass.js';
import type { AuthorizationError as _agentgateway_dev_ext_mcp_AuthorizationError, AuthorizationError__Output as _agentgateway_dev_ext_mcp_AuthorizationError__Output } from '../../../agentgateway/dev/ext_mcp/AuthorizationError.js';

export interface McpRequestResult {
  'pass'?: (_agentgateway_dev_ext_mcp_Pass | null);
  'error'?: (_agentgateway_dev_ext_mcp_AuthorizationError | null);
  'result'?: "pass"|"error";
}

export interface McpRequestResult__Output {
  'pass'?: (_agentgateway_dev_ext_mcp_Pass__Output);
  'error'?: (_agentgateway_dev_ext_mcp_AuthorizationError__Output);
  'result'?: "pass"|"error";
}
