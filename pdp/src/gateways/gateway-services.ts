/** The services for gateways of other makers that the configuration asks for. */

import { loadGatewayServices } from '@portcullis/proto';
import type { AddedService } from '../server/grpc-endpoint.js';
import { createExtAuthz } from './ext-authz.js';
import { createExtMcp } from './ext-mcp.js';
import type { GatewayParts } from './gateway-parts.js';
import type { ExtAuthzConfig, ExtMcpConfig } from './gateways-config.js';

/** None of them unless it is configured. */
export function gatewayServices(
  { extAuthz, extMcp }: { readonly extAuthz?: ExtAuthzConfig | undefined; readonly extMcp?: ExtMcpConfig | undefined },
  parts: GatewayParts,
): readonly AddedService[] {
  if (extAuthz === undefined && extMcp === undefined) return [];
  const { authorization, extMcp: hook } = loadGatewayServices();
  return [
    ...(extAuthz === undefined
      ? []
      : [{ definition: authorization, handlers: { Check: createExtAuthz({ ...parts, config: extAuthz }) } }]),
    ...(extMcp === undefined
      ? []
      : [{ definition: hook, handlers: { ...createExtMcp({ ...parts, config: extMcp }) } }]),
  ];
}
