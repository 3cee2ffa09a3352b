/** The services under which gateways of other makers ask: Envoy's external authorization, agentgateway's ExtMcp. */

import { fileURLToPath } from 'node:url';
import { loadSync, type PackageDefinition } from '@grpc/proto-loader';
import { LOADER_OPTIONS } from './decision-service.js';
import type { ExtMcpDefinition } from './gen/agentgateway/dev/ext_mcp/ExtMcp.js';
import type { AuthorizationDefinition } from './gen/envoy/service/auth/v3/Authorization.js';

/** Both, ready for `server.addService` and for clients. */
export interface GatewayServices {
  readonly authorization: AuthorizationDefinition;
  readonly extMcp: ExtMcpDefinition;
}

/**
 * Reads their .proto files; some 20 ms, so once per process, from the composition root.
 * @throws Error when a file is missing or broken: the installation is
 */
export function loadGatewayServices(): GatewayServices {
  // One level below the package both as source and as built output.
  const root = fileURLToPath(new URL('..', import.meta.url));
  const loaded: PackageDefinition = loadSync(['gateways/ext_authz.proto', 'gateways/ext_mcp.proto'], {
    ...LOADER_OPTIONS,
    includeDirs: [root],
  });
  return {
    authorization: loaded['envoy.service.auth.v3.Authorization'] as unknown as AuthorizationDefinition,
    extMcp: loaded['agentgateway.dev.ext_mcp.ExtMcp'] as unknown as ExtMcpDefinition,
  };
}
