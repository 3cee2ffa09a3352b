/** The parts of the configuration about gateways of other makers: each off unless it is given. */

import { ENVIRONMENTS } from '@portcullis/policy/model';
import { z } from 'zod';

const key = z.string().min(1).max(128);
const path = z.string().min(1).max(256).describe('Names of members, one inside the other, joined by dots.');
const headerName = z.string().regex(/^[a-z0-9!#$%&'*+.^_`|~-]{1,128}$/, 'expected a header name in lower case');
const environment = z
  .enum(ENVIRONMENTS)
  .optional()
  .describe('What `context.environment` is; a gateway is of one environment.');

const identity = z.discriminatedUnion('from', [
  z.strictObject({
    from: z
      .literal('principal')
      .describe("The SPIFFE id in the client's certificate, which Envoy has verified against its own authorities."),
  }),
  z.strictObject({
    from: z.literal('context_extensions').describe("The route's own configuration in Envoy."),
    tenant: key.default('portcullis.tenant').describe('Key of the tenant.'),
    agent: key.default('portcullis.agent').describe("Key of the agent's id."),
  }),
  z.strictObject({
    from: z.literal('metadata').describe('What a filter before has verified, such as a token.'),
    namespace: key.default('envoy.filters.http.jwt_authn').describe('Whose metadata.'),
    tenant: path.default('payload.tenant'),
    agent: path.default('payload.sub'),
  }),
  z.strictObject({
    from: z
      .literal('headers')
      .describe('Request headers. Only for headers that Envoy sets itself and removes from what clients send.'),
    tenant: headerName.describe('Header with the tenant.'),
    agent: headerName.describe("Header with the agent's id."),
  }),
]);

/** `extAuthz`: Envoy asks, over gRPC. */
export const extAuthzConfig = z.strictObject({
  identity: identity
    .prefault({ from: 'principal' })
    .describe('Where a gateway says which agent attempts. An Envoy with the certificate of an agent is that agent.'),
  mcpServerExtension: key
    .optional()
    .describe(
      'Key of the context extension that names the MCP server behind a route; what goes there is decided as MCP. ' +
        'Without it, and for routes without the extension, a request is an outbound connection.',
    ),
  environment,
});

/** `extMcp`: agentgateway asks, over gRPC. */
export const extMcpConfig = z.strictObject({
  tenant: key.default('tenant').describe('Key of the tenant in the metadata that the gateway is configured to send.'),
  agent: key.default('agent').describe("Key of the agent's id in that metadata."),
  principal: key
    .optional()
    .describe(
      "In the place of both: key of the SPIFFE id in the client's certificate, which the gateway has verified. What else " +
        'the metadata says of who attempts counts for nothing then.',
    ),
  environment,
});

/** Value of {@link extAuthzConfig}. */
export type ExtAuthzConfig = z.output<typeof extAuthzConfig>;
/** Value of {@link extMcpConfig}. */
export type ExtMcpConfig = z.output<typeof extMcpConfig>;
