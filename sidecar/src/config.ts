/** The sidecar's static configuration. Unknown keys are refused at every level. */

import { ENVIRONMENTS } from '@portcullis/policy/model';
import { adminConfig, logConfig, tlsConfig } from '@portcullis/runtime';
import { tracingConfig } from '@portcullis/runtime/tracing';
import { z } from 'zod';
import { pdpConfig } from './ask/config.js';
import { behalfConfig } from './behalf/config.js';
import { cacheConfig } from './cache/config.js';
import { a2aConfig } from './intercept/a2a/config.js';
import { authorizeConfig } from './intercept/authorize/config.js';
import { SESSION_SCOPES } from './intercept/canonical-request.js';
import { egressConfig } from './intercept/egress/config.js';
import { llmConfig } from './intercept/llm/config.js';
import { mcpConfig, stdioConfig } from './intercept/mcp/config.js';
import { approvalsConfig } from './intercept/mcp/held/config.js';
import { redactionConfig } from './redact/config.js';

const session = z
  .strictObject({
    id: z
      .string()
      .min(1)
      .max(256)
      .optional()
      .describe("Names this sidecar's session; another one at every start when absent. One run of the agent, one id."),
    scope: z
      .enum(SESSION_SCOPES)
      .default('sidecar')
      .describe(
        'What counts as one session of the agent: all that passes through this sidecar, or each of its MCP sessions. ' +
          '`mcp` keeps conversations apart, and sees no flow from one server to another.',
      ),
  })
  .prefault({});

/** The whole configuration. Every duration is in milliseconds, every size in bytes. */
export const sidecarConfig = z
  .strictObject({
    trustDomain: z.string().min(1).max(255).describe('SPIFFE trust domain that this sidecar and its PDPs belong to.'),
    environment: z.enum(ENVIRONMENTS).optional().describe('Named in every question as context.environment.'),
    tls: tlsConfig.describe("This sidecar's own certificate; tenant and agent are read from its SPIFFE ID."),
    admin: adminConfig.describe('Plain HTTP port for metrics, probes and drain.'),
    log: logConfig.describe('How much is logged, and where to.'),
    session: session.describe('Which attempts belong together (guide: sessions); named as context.session_id.'),
    pdp: pdpConfig.describe('The policy decision points.'),
    cache: cacheConfig,
    onBehalf: behalfConfig.describe('For whom agents act, and for what: where the user’s token and the task are read.'),
    redaction: redactionConfig,
    tracing: tracingConfig.optional().describe('OpenTelemetry traces; none without it.'),
    approvals: approvalsConfig,
    mcp: mcpConfig.optional().describe('The MCP Streamable HTTP proxy.'),
    a2a: a2aConfig.optional().describe('The A2A proxy, towards other agents.'),
    authorize: authorizeConfig
      .optional()
      .describe('The local authorize API, for programs and coding agents that carry out attempts themselves.'),
    llm: llmConfig
      .optional()
      .describe('The model gateway: OpenAI- and Anthropic-compatible endpoints in front of providers.'),
    stdio: stdioConfig.optional().describe('The MCP stdio wrapper (mode "mcp").'),
    egress: egressConfig.optional().describe('The egress proxy (HTTP_PROXY, HTTPS_PROXY).'),
    drainMs: z
      .int()
      .min(0)
      .max(600_000)
      .default(10_000)
      .describe('Time that attempts in flight get to end after SIGTERM.'),
  })
  .refine(
    ({ mcp, llm, egress, a2a, authorize, stdio }) =>
      [mcp, llm, egress, a2a, authorize, stdio].some((surface) => surface !== undefined),
    {
      path: ['mcp'],
      message: 'configure at least one surface: mcp, llm, egress, a2a, authorize or stdio',
    },
  );

/** Value of {@link sidecarConfig}. */
export type SidecarConfig = z.output<typeof sidecarConfig>;
