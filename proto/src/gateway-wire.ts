/** What the services of gateways take and yield. As everywhere on the wire, any field may be absent. */
export type { AuthorizationError } from './gen/agentgateway/dev/ext_mcp/AuthorizationError.js';
export type { ExtMcpHandlers } from './gen/agentgateway/dev/ext_mcp/ExtMcp.js';
export type { McpRequest, McpRequest__Output } from './gen/agentgateway/dev/ext_mcp/McpRequest.js';
export type { McpRequestResult, McpRequestResult__Output } from './gen/agentgateway/dev/ext_mcp/McpRequestResult.js';
export type { McpResponse__Output } from './gen/agentgateway/dev/ext_mcp/McpResponse.js';
export type { McpResponseResult, McpResponseResult__Output } from './gen/agentgateway/dev/ext_mcp/McpResponseResult.js';
export type { AttributeContext__Output } from './gen/envoy/service/auth/v3/AttributeContext.js';
export type { AuthorizationHandlers } from './gen/envoy/service/auth/v3/Authorization.js';
export type { CheckRequest, CheckRequest__Output } from './gen/envoy/service/auth/v3/CheckRequest.js';
export type { CheckResponse, CheckResponse__Output } from './gen/envoy/service/auth/v3/CheckResponse.js';
export type { HttpRequest__Output } from './gen/envoy/service/auth/v3/HttpRequest.js';
export type { OkHttpResponse } from './gen/envoy/service/auth/v3/OkHttpResponse.js';
export type { Struct, Struct__Output } from './gen/google/protobuf/Struct.js';
export type { Value, Value__Output } from './gen/google/protobuf/Value.js';
