/** The part of the configuration that is about approvals and grants (contracts §7, ADR-0016). */

import { z } from 'zod';

const name = z
  .string()
  .regex(/^[A-Za-z0-9._-]{1,128}$/, 'expected 1 to 128 letters, digits, dots, underscores, hyphens');
const claim = z.string().min(1).max(128);

const memory = z.strictObject({
  type: z
    .literal('memory')
    .describe('In this process: for a single PDP. After a restart, whatever was held is asked about again.'),
});
const redis = z.strictObject({
  type: z.literal('redis').describe('In a Redis that all PDPs share; needed as soon as there are several.'),
  url: z
    .url({ protocol: /^redis$/, message: 'expected redis://[user:password@]host[:port][/database]' })
    .describe('`redis://[user:password@]host[:port][/database]`.'),
  tls: z.boolean().default(true).describe('Whether to use mutual TLS with the certificate of `tls`.'),
  prefix: z
    .string()
    .regex(/^[A-Za-z0-9._:-]{1,128}$/, 'expected 1 to 128 letters, digits, dots, underscores, colons, hyphens')
    .default('portcullis:approvals')
    .describe('Begins every key; all PDPs that share approvals have the same.'),
  timeoutMs: z
    .int()
    .min(1)
    .max(10_000)
    .default(20)
    .describe('An answer that takes longer is none, in milliseconds; shorter than `limits.decisionDeadlineMs`.'),
  survivesRestart: z
    .boolean()
    .default(false)
    .describe(
      'Whether approvals and grants from before the last start of this Redis count. Only for one that loses no write and ' +
        'is never replaced by a replica: what was used up might otherwise be used again.',
    ),
});

const payload = z
  .strictObject({
    show: z
      .enum(['summary', 'sealed', 'names'])
      .default('summary')
      .describe(
        'What is kept of the arguments for approvers: shortened texts with secrets masked; everything, encrypted; or ' +
          'only names and digests.',
      ),
    keyFile: z
      .string()
      .min(1)
      .optional()
      .describe('32 random bytes in base64, the same on all PDPs; encrypts what is kept. Required for `sealed`.'),
  })
  .prefault({})
  .refine(({ show, keyFile }) => (show === 'sealed') === (keyFile !== undefined), {
    path: ['keyFile'],
    message: 'expected a keyFile with `show: sealed`, and only then',
  });

const approver = z
  .strictObject({
    issuer: z.string().min(1).describe('The `iss` that a token must have.'),
    audience: z.string().min(1).describe('The `aud` that a token must name: the approvals of this service.'),
    jwksFile: z.string().min(1).optional().describe('JSON Web Key Set of the issuer; read again when it changes.'),
    jwksUrl: z
      .url({ protocol: /^https$/ })
      .optional()
      .describe('Where the issuer publishes its key set; only over HTTPS.'),
    tenants: z
      .array(name)
      .min(1)
      .max(1_000)
      .readonly()
      .optional()
      .describe('The only tenants that this issuer may speak for; any, without it.'),
    tenantClaim: claim.default('tenant').describe("Claim with the approver's tenant."),
    personClaim: claim.default('sub').describe("Claim with the approver's id; the same as `user.id` of requests."),
    rolesClaim: claim.default('roles').describe('Claim with the roles, a list; for `require_approval`.'),
    groupsClaim: claim.default('groups').describe('Claim with the groups, a list; for `require_hitl`.'),
  })
  .refine((value) => (value.jwksFile === undefined) !== (value.jwksUrl === undefined), {
    message: 'expected exactly one of jwksFile and jwksUrl',
  });

const certified = z.strictObject({
  tenant: name.describe('Their tenant.'),
  name: name.describe('`<name>` in `spiffe://<trust domain>/tenant/<tenant>/approver/<name>` of their certificate.'),
  person: z
    .string()
    .regex(/^[^\p{Cc}\p{Cf}]{1,256}$/u, 'expected the id of a person')
    .describe('Who they are: the same id as in tokens and `user.id` of requests, so that nobody counts as two.'),
  email: z.string().min(1).max(256).optional().describe('Their mail address, for what is their own request.'),
  roles: z.array(z.string().min(1).max(256)).max(1_000).readonly().default([]).describe('For `require_approval`.'),
  groups: z.array(z.string().min(1).max(256)).max(1_000).readonly().default([]).describe('For `require_hitl`.'),
});

const NOTICE_EVENTS = ['requested', 'decided', 'consumed', 'void', 'escalated', 'granted', 'review', 'notify'] as const;

const webhook = z.strictObject({
  name: name.describe('Label of metrics and logs.'),
  url: z
    .string()
    .regex(
      /^(https:\/\/[^\s#]+|http:\/\/(127\.0\.0\.1|localhost|\[::1\])(:\d+)?(\/[^\s#]*)?)$/,
      'expected an https URL; http only to this machine',
    )
    .describe('Where notices are posted to.'),
  secretFile: z
    .string()
    .min(1)
    .describe('Key of the signature, 32 bytes or more; a newline at its end does not count.'),
  format: z.enum(['json', 'slack']).default('json').describe('`slack`: a message for an incoming webhook of Slack.'),
  events: z
    .array(z.enum(NOTICE_EVENTS))
    .min(1)
    .readonly()
    .default(['requested', 'decided', 'void', 'escalated', 'granted'])
    .describe(
      'What is told; `review`: what policies let continue and want looked at (`reviews`); `notify`: decisions ' +
        'of policies that name this webhook in `notify`.',
    ),
  link: z
    .string()
    .regex(/^https:\/\/[^\s{}#]+(\{id\}[^\s{}]*)?$/, 'expected an https URL with {id} in it')
    .optional()
    .describe('Page for approvers, with `{id}` in the place of the id; put into notices.'),
  timeoutMs: z.int().min(100).max(60_000).default(5_000).describe('One delivery may take this long, in milliseconds.'),
});

/** `approvals`: what people are asked. */
export const approvalsConfig = z
  .strictObject({
    store: z
      .discriminatedUnion('type', [memory, redis])
      .prefault({ type: 'memory' })
      .describe('Who keeps approvals and grants.'),
    payload: payload.describe('What approvers are shown.'),
    approvers: z
      .array(approver)
      .max(16)
      .readonly()
      .default([])
      .describe(
        'Whose tokens say who an approver is; without any, and without `certificates`, nobody can approve. Needs `http`.',
      ),
    certificates: z
      .array(certified)
      .max(10_000)
      .readonly()
      .default([])
      .describe('Approvers who come with a client certificate, beside or instead of tokens. Needs `http.auth.mtls`.'),
    webhooks: z.array(webhook).max(16).readonly().default([]).describe('Who is told about approvals.'),
    escalateAfter: z
      .number()
      .positive()
      .max(1)
      .default(0.5)
      .describe('A question that has been open for this share of its time is told again, as `escalated`, once.'),
    maxOpenPerAgent: z
      .int()
      .min(1)
      .max(10_000)
      .default(100)
      .describe('Open approvals of one agent; what would need one more is denied.'),
    maxOpenPerTenant: z
      .int()
      .min(1)
      .max(100_000)
      .default(1_000)
      .describe('Open approvals of one tenant; what would need one more is denied.'),
    maxGrantsPerTenant: z.int().min(1).max(10_000).default(500).describe('Standing grants of one tenant.'),
    maxGrantSeconds: z
      .int()
      .min(60)
      .max(366 * 86_400)
      .default(30 * 86_400)
      .describe('No standing grant lasts longer, in seconds.'),
    keepSeconds: z
      .int()
      .min(60)
      .max(30 * 86_400)
      .default(3_600)
      .describe('What is over can be looked at for so long, in seconds; the audit chain keeps it for good.'),
  })
  .prefault({})
  .refine(({ webhooks }) => new Set(webhooks.map((one) => one.name)).size === webhooks.length, {
    path: ['webhooks'],
    message: 'expected distinct names',
  })
  .refine(({ certificates: all }) => new Set(all.map((one) => `${one.tenant}/${one.name}`)).size === all.length, {
    path: ['certificates'],
    message: 'expected each certificate once',
  });

/** Value of {@link approvalsConfig}. */
export type ApprovalsConfig = z.output<typeof approvalsConfig>;
/** One of `approvals.approvers`. */
export type ApproverConfig = ApprovalsConfig['approvers'][number];
/** One of `approvals.certificates`. */
export type CertifiedApproverConfig = ApprovalsConfig['certificates'][number];
/** One of `approvals.webhooks`. */
export type WebhookConfig = ApprovalsConfig['webhooks'][number];
