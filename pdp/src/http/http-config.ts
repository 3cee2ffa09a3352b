/** The part of the configuration that is about HTTP: off unless it is given. */

import { z } from 'zod';
import { searchConfig } from '../search/search-config.js';

const claim = z.string().min(1).max(128);

const jwt = z
  .strictObject({
    issuer: z.string().min(1).describe('The `iss` that a token must have.'),
    audience: z.string().min(1).describe('The `aud` that a token must name: this service.'),
    jwksFile: z.string().min(1).optional().describe('JSON Web Key Set of the issuer; read again when it changes.'),
    jwksUrl: z
      .url({ protocol: /^https$/ })
      .optional()
      .describe('Where the issuer publishes its key set; only over HTTPS. Kept for 10 minutes.'),
    tenantClaim: claim.default('tenant').describe("Claim with the agent's tenant."),
    agentClaim: claim.default('sub').describe("Claim with the agent's id."),
    gatewayClaim: claim
      .optional()
      .describe('Claim with the name of a gateway (see `gateways`); a token that has it and a tenant is refused.'),
  })
  .refine((value) => (value.jwksFile === undefined) !== (value.jwksUrl === undefined), {
    message: 'expected exactly one of jwksFile and jwksUrl',
  });

const auth = z
  .strictObject({
    mtls: z.boolean().default(true).describe('Whether client certificates of our authorities identify callers.'),
    jwt: jwt.optional().describe('Whose tokens identify callers; with it a client certificate is not required.'),
  })
  .refine((value) => value.mtls || value.jwt !== undefined, {
    message: 'expected mtls, jwt or both: nobody anonymous is answered',
  });

const limits = z
  .strictObject({
    maxBodyBytes: z
      .int()
      .min(1_024)
      .max(4 * 1024 * 1024)
      .default(256 * 1024)
      .describe('Larger bodies are refused, in bytes.'),
    maxHeaderBytes: z
      .int()
      .min(2_048)
      .max(64 * 1024)
      .default(16 * 1024)
      .describe('Larger request heads are refused, in bytes; a token is a part of it.'),
    maxConnections: z.int().min(1).max(100_000).default(1_024).describe('Connections at once; more are closed.'),
    requestTimeoutMs: z
      .int()
      .min(100)
      .max(60_000)
      .default(5_000)
      .describe('A request must have arrived whole within this many milliseconds.'),
    idleTimeoutMs: z
      .int()
      .min(100)
      .max(600_000)
      .default(60_000)
      .describe('A connection without a request is closed after this many milliseconds.'),
  })
  .prefault({});

/** Resources of these types have a place of their own in the canonical request. */
export const OWN_RESOURCE_TYPES: readonly string[] = [
  'tool',
  'resource',
  'prompt',
  'session',
  'model',
  'host',
  'agent',
];
const MAX_TYPES = 256;

const vocabulary = z
  .strictObject({
    resourceTypes: z
      .array(
        z
          .string()
          .regex(/^[A-Za-z][\w.:-]{0,127}$/, 'must be a name such as record')
          .refine((type) => !OWN_RESOURCE_TYPES.includes(type), 'has a meaning already'),
      )
      .max(MAX_TYPES)
      .default([])
      .describe(
        'Types of resources of other applications that evaluations may be about: of kind `resource`, with their type as ' +
          '`tool.attributes.resource_type`. Any other type is denied.',
      ),
    agent: z
      .string()
      .min(1)
      .max(256)
      .optional()
      .describe(
        'The agent that acts for a user when an evaluation does not say which (`context.agent`), such as an application. ' +
          'Without it such an evaluation is denied.',
      ),
  })
  .prefault({});

/** Types of subjects. */
const SUBJECT_TYPES: readonly string[] = ['agent', 'user'];
/** Of these a protocol says what can be done. */
const PROTOCOL_TYPES: readonly string[] = ['tool', 'resource', 'prompt', 'session', 'host'];
/** Of these a bundle has the list. */
const DECLARED_TYPES: readonly string[] = ['tool', 'agent'];

/** Whether evaluations may name a type at all; those that name another one are denied. */
export function isKnownType(entity: 'subject' | 'resource', type: string, { resourceTypes }: Vocabulary): boolean {
  if (entity === 'subject') return SUBJECT_TYPES.includes(type);
  return OWN_RESOURCE_TYPES.includes(type) || resourceTypes.includes(type);
}

const endpoint = z.strictObject({
  listen: z
    .strictObject({
      host: z.string().min(1).default('127.0.0.1').describe('Address to bind.'),
      port: z.int().min(0).max(65_535).default(0).describe('Port to bind; 0 picks a free one.'),
    })
    .prefault({})
    .describe('Where it listens.'),
  publicUrl: z
    .string()
    .regex(/^https:\/\/[^/?#\s]+$/, 'expected https://host or https://host:port')
    .optional()
    .describe('How clients write this service, for AuthZEN discovery; without it the address as bound.'),
  auth: auth.prefault({}).describe('Who is answered.'),
  tokenKeyFile: z
    .string()
    .min(1)
    .optional()
    .describe(
      '32 random bytes in base64, the same on all PDPs behind one address; seals page tokens and what access requests are ' +
        'bound to. Without it they are good at the PDP that gave them, until that restarts.',
    ),
  accessRequests: z
    .boolean()
    .default(false)
    .describe(
      "Whether held evaluations can be resolved by the draft of AuthZEN's access request profile. Needs approvers.",
    ),
  obligations: z
    .enum(['own', 'profile'])
    .default('own')
    .describe(
      "How AuthZEN is told what an allow is tied to: `own` by our types; `profile` in the words of the draft of AuthZEN's obligations " +
        'profile, which the metadata announces.',
    ),
  limits: limits.describe('Caps on what one caller may send.'),
  search: searchConfig.describe("AuthZEN's search."),
  vocabulary: vocabulary.describe('What AuthZEN evaluations may be about besides what agents do.'),
});

/** `http`: the HTTPS endpoint. */
export const httpConfig = endpoint.superRefine(({ search, vocabulary: words }, problems) => {
  for (const [index, { type }] of search.entities.entries()) {
    const isListed = type === 'user' || (isKnownType('resource', type, words) && !DECLARED_TYPES.includes(type));
    if (isListed) continue;
    const message = 'expected user, model, host, resource, prompt, session or one of http.vocabulary.resourceTypes';
    problems.addIssue({ code: 'custom', path: ['search', 'entities', index, 'type'], message });
  }
  for (const type of Object.keys(search.actions)) {
    if (isKnownType('resource', type, words) && !PROTOCOL_TYPES.includes(type)) continue;
    const message = 'expected model, agent or one of http.vocabulary.resourceTypes';
    problems.addIssue({ code: 'custom', path: ['search', 'actions', type], message });
  }
});

/** Value of {@link httpConfig}. */
export type HttpConfig = z.output<typeof httpConfig>;
/** Value of `http.vocabulary`. */
export type Vocabulary = z.output<typeof vocabulary>;
/** Value of `http.auth.jwt`. */
export type JwtConfig = z.output<typeof jwt>;
