/** Configuration of the A2A proxy. */

import { z } from 'zod';
import { secretSource } from '../http/credential.js';
import { answerBytes, connectionLimit, exchangeTimes, messageLimits } from '../http/limit-fields.js';
import { allowedHosts, allowedOrigins, listenConfig } from '../http/listen-config.js';

/** Never set by configuration: they belong to the protocol, or would let one request look like two. */
const RESERVED_HEADER =
  /^(host|connection|keep-alive|content-.*|transfer-encoding|te|trailer|upgrade|expect|accept|accept-encoding|a2a-.*|portcullis-.*)$/i;

const headerName = z
  .string()
  .regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$/, 'must be a header name')
  .refine((name) => !RESERVED_HEADER.test(name), 'belongs to the protocol');

const address = z
  .url({ protocol: /^https?$/ })
  .refine((text) => URL.canParse(text) && new URL(text).username === '', 'must not carry credentials');

const peerConfig = z
  .strictObject({
    name: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/, 'must be 1 to 64 letters, digits, _ or -')
      .describe('Served at /a2a/<name>; `peer.agent_id` in every question.'),
    card: address.describe('The agent card, such as https://books.example.com/.well-known/agent-card.json.'),
    url: address
      .optional()
      .describe(
        'Where the agent listens (JSON-RPC binding). Without it its card says so, within the origin of the card: ' +
          'credentials do not follow a card to another host.',
      ),
    headers: z
      .record(headerName, secretSource)
      .default({})
      .describe("Sent with every request to this agent, e.g. its credential. The local agent's own never are."),
    cardSha256: z
      .string()
      .regex(/^[0-9a-f]{64}$/, 'must be 64 lower-case hex digits')
      .optional()
      .describe(
        'Lower-case hex SHA-256 of the RFC 8785 canonical JSON of the only card that is accepted, without its signatures. Without ' +
          'it and `cardKeysFile` the first card that is seen counts until the sidecar ends.',
      ),
    cardKeysFile: z
      .string()
      .min(1)
      .optional()
      .describe('JSON Web Key Set; the card must carry a signature (A2A 1.0, 8.4) by one of its keys. Read at start.'),
    skill: z
      .string()
      .regex(/^[\x21-\x7e]{1,256}$/, 'must be 1 to 256 printable characters')
      .optional()
      .describe(
        'The skill that every message is about. Without it and `skillMetadata`: the only skill of the card, if there is one only.',
      ),
    skillMetadata: z
      .string()
      .min(1)
      .max(256)
      .optional()
      .describe(
        'Member of `message.metadata` that names the skill. Only for an agent that chooses its skill by it; otherwise it is no more ' +
          'than what the local agent says.',
      ),
    delegationHeader: z
      .boolean()
      .default(true)
      .describe('Whether requests to this agent carry who handed the task on, in portcullis-delegation.'),
    decisionHeaders: z
      .boolean()
      .default(false)
      .describe(
        'Whether every request to this agent names the decision that allowed it: portcullis-decision-id, and in ' +
          'portcullis-request-digest the lower-case hex SHA-256 of the canonical request.',
      ),
  })
  .refine(({ skill, skillMetadata }) => skill === undefined || skillMetadata === undefined, {
    path: ['skillMetadata'],
    message: 'name either skill or skillMetadata',
  });

const limitsConfig = z
  .strictObject({
    ...messageLimits({ message: 'message of the agent', bodyBytes: 16_777_216, headerBytes: 32_768 }),
    maxResponseBytes: answerBytes('JSON answer of a peer', 16_777_216),
    maxEventBytes: answerBytes('event of a peer', 16_777_216),
    maxCardBytes: answerBytes('agent card', 262_144, { most: 4_194_304 }),
    ...exchangeTimes({ server: 'a peer', answer: 'begin its answer', answerMs: 300_000 }),
    cardTimeoutMs: z.int().min(100).max(60_000).default(5_000).describe('Time for a card to arrive.'),
    cardMaxAgeMs: z
      .int()
      .min(0)
      .max(86_400_000)
      .default(300_000)
      .describe('Time after which a card is fetched again before the next message.'),
    maxTasks: z
      .int()
      .min(1)
      .max(1_000_000)
      .default(4096)
      .describe('Most tasks of a peer whose skill is remembered; then the oldest is forgotten.'),
    maxConnections: connectionLimit('agents, and to each peer'),
  })
  .prefault({});

/** `a2a`: the proxy towards other agents. */
export const a2aConfig = z.strictObject({
  listen: listenConfig.describe('Where the local agent connects.'),
  allowedHosts,
  allowedOrigins,
  peers: z
    .array(peerConfig)
    .min(1)
    .max(256)
    .refine((list) => new Set(list.map(({ name }) => name)).size === list.length, 'names must be distinct')
    .describe('The agents that can be spoken to.'),
  maxDelegationDepth: z
    .int()
    .min(0)
    .max(32)
    .default(8)
    .describe(
      'How often work may have been handed on before it reached the local agent (context.delegation.depth); more is refused unasked.',
    ),
  limits: limitsConfig.describe('Caps and times.'),
});

/** Value of {@link a2aConfig}. */
export type A2aConfig = z.output<typeof a2aConfig>;
/** One of its peers. */
export type PeerConfig = A2aConfig['peers'][number];
