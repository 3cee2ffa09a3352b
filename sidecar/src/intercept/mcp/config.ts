/** Configuration of the MCP proxy and of the stdio wrapper. */

import { z } from 'zod';
import { secretSource } from '../http/credential.js';
import { answerBytes, connectionLimit, exchangeTimes, messageLimits } from '../http/limit-fields.js';
import { allowedHosts, allowedOrigins, listenConfig } from '../http/listen-config.js';
import { isCombinable } from './combined/names.js';
import { definitionsConfig } from './definitions/config.js';
import { PROTOCOL_VERSIONS } from './headers.js';

/** A server's name: the last segment of its path here, and `tool.server` in every question. */
const serverName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/, 'must be 1 to 64 letters, digits, _ or -');

/** Never set by configuration: they belong to the protocol, or would let one request look like two. */
const RESERVED_HEADER =
  /^(host|connection|keep-alive|content-.*|transfer-encoding|te|trailer|upgrade|expect|accept|accept-encoding|mcp-.*|portcullis-.*|last-event-id)$/i;

const headerName = z
  .string()
  .regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$/, 'must be a header name')
  .refine((name) => !RESERVED_HEADER.test(name), 'belongs to the protocol');

const upstreamConfig = z.strictObject({
  name: serverName.describe('Served at /mcp/<name>.'),
  url: z
    .url({ protocol: /^https?$/ })
    .refine((text) => URL.canParse(text) && new URL(text).username === '', 'must not carry credentials')
    .describe('The MCP endpoint of the server.'),
  headers: z
    .record(headerName, secretSource)
    .default({})
    .describe("Sent with every request to this server, e.g. its credential. The agent's own never are."),
  decisionHeaders: z
    .boolean()
    .default(false)
    .describe(
      'Whether every request to this server names the decision that allowed it: portcullis-decision-id, and in ' +
        'portcullis-request-digest the lower-case hex SHA-256 of the canonical request. Headers of these names ' +
        'are never taken from the agent.',
    ),
});

const limitsConfig = z
  .strictObject({
    ...messageLimits({ message: 'message of an agent', bodyBytes: 4_194_304, headerBytes: 16_384 }),
    maxResponseBytes: answerBytes('JSON answer of a server', 16_777_216),
    maxEventBytes: answerBytes('event of a server', 16_777_216),
    ...exchangeTimes({ server: 'a server', answer: 'begin its answer', answerMs: 300_000 }),
    maxConnections: connectionLimit('agents, and to each server'),
  })
  .prefault({});

const minimumVersion = z
  .enum(PROTOCOL_VERSIONS)
  .default('2025-03-26')
  .describe('Oldest MCP revision that is spoken; a request without a version header counts as 2025-03-26.');

/** `mcp`: the Streamable HTTP proxy. */
export const mcpConfig = z
  .strictObject({
    listen: listenConfig.describe('Where agents connect.'),
    allowedHosts,
    allowedOrigins,
    upstreams: z
      .array(upstreamConfig)
      .min(1)
      .max(256)
      .refine((list) => new Set(list.map(({ name }) => name)).size === list.length, 'names must be distinct')
      .describe('The MCP servers.'),
    combined: z
      .boolean()
      .default(false)
      .describe(
        'Whether /mcp serves all servers: tools and prompts as <server>__<name>, resources by the URIs that exactly one ' +
          'server lists, tasks by the server that named them; to clients of both generations.',
      ),
    minimumVersion,
    definitions: definitionsConfig,
    limits: limitsConfig.describe('Caps and times.'),
  })
  .refine(({ combined, upstreams }) => !combined || upstreams.every(({ name }) => isCombinable(name)), {
    path: ['combined'],
    message: 'names of servers must not contain "__" or end with "_": rename them, or serve them by path only',
  });

/** `stdio`: the wrapper around one server process; its command comes after `--`. */
export const stdioConfig = z.strictObject({
  server: serverName.describe('Name of the server in every question, as tool.server.'),
  minimumVersion,
  definitions: definitionsConfig,
  maxMessageBytes: z
    .int()
    .min(1024)
    .max(67_108_864)
    .default(16_777_216)
    .describe('Largest message, in both directions.'),
  readyWaitMs: z
    .int()
    .min(0)
    .max(600_000)
    .default(5_000)
    .describe('Longest wait for a policy decision point before the first message is read; then it is refused.'),
  maxPending: z
    .int()
    .min(1)
    .max(4096)
    .default(64)
    .describe('Messages of the agent that may wait for decisions at once.'),
  graceMs: z
    .int()
    .min(0)
    .max(600_000)
    .default(3_000)
    .describe("Time between closing the server's input, SIGTERM and SIGKILL."),
});

/** Value of {@link mcpConfig}. */
export type McpConfig = z.output<typeof mcpConfig>;
/** Value of {@link stdioConfig}. */
export type StdioConfig = z.output<typeof stdioConfig>;
