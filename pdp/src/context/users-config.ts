/** The part of the configuration that says which users are real (ADR-0012): nobody, unless it is given. */

import { z } from 'zod';
import { TOKEN_ALGORITHMS } from '../tokens/verify-token.js';

const name = z
  .string()
  .regex(/^[A-Za-z0-9._-]{1,128}$/, 'expected 1 to 128 letters, digits, dots, underscores, hyphens');
const segment = z.string().min(1).max(128);
const claim = z
  .union([segment, z.array(segment).min(1).max(8).readonly()])
  .describe('A claim by name, or by the names on the way to it.');

const claims = z
  .strictObject({
    id: claim.default('sub').describe('Claim that becomes `user.id`; a token without it is refused.'),
    email: claim
      .default('email')
      .describe('Claim that becomes `user.email`; left out when the token has an `email_verified` that is not `true`.'),
    role: claim.default('role').describe('Claim that becomes `user.role`.'),
    team: claim.default('team').describe('Claim that becomes `user.team`.'),
    attributes: z
      .record(segment, claim)
      .refine((value) => Object.keys(value).length <= 64, { message: 'expected at most 64 attributes' })
      .default({})
      .describe('Claims that become `user.attributes.<name>`, by that name.'),
  })
  .prefault({});

const issuer = z
  .strictObject({
    issuer: z.string().min(1).max(1_024).describe('The `iss` that a token must have.'),
    audience: z.string().min(1).max(1_024).describe('The `aud` that a token must name: this service, not another.'),
    jwksFile: z.string().min(1).optional().describe('JSON Web Key Set of the issuer; read again when it changes.'),
    jwksUrl: z
      .url({ protocol: /^https$/ })
      .optional()
      .describe('Where the issuer publishes its key set; only over HTTPS. Fetched ahead, every 5 minutes.'),
    algorithms: z
      .array(z.enum(TOKEN_ALGORITHMS))
      .min(1)
      .readonly()
      .default(['ES256', 'EdDSA', 'Ed25519', 'PS256', 'RS256'])
      .describe('The only signatures that count; shared secrets never do.'),
    clockSkewSeconds: z
      .int()
      .min(0)
      .max(60)
      .default(5)
      .describe("How far the issuer's clock may differ from ours, in seconds."),
    tenants: z
      .array(name)
      .min(1)
      .readonly()
      .optional()
      .describe('The only tenants whose agents may act for users of this issuer; all when absent.'),
    claims: claims.describe('Which claim becomes which field of `user`.'),
  })
  .refine((value) => (value.jwksFile === undefined) !== (value.jwksUrl === undefined), {
    message: 'expected exactly one of jwksFile and jwksUrl',
  });

/** `users`: whose word about users counts. */
export const usersConfig = z
  .strictObject({
    issuers: z
      .array(issuer)
      .max(32)
      .readonly()
      .default([])
      .refine((value) => new Set(value.map((one) => one.issuer)).size === value.length, {
        message: 'every issuer is listed once',
      })
      .describe('Whose tokens identify users; a token of anybody else is refused.'),
    assertedBy: z
      .array(name)
      .max(1_000)
      .readonly()
      .default([])
      .describe('Gateways that verify users themselves: `user` in their requests counts without a token.'),
    maxTokenBytes: z
      .int()
      .min(256)
      .max(64 * 1024)
      .default(8 * 1024)
      .describe('A longer token is refused, in bytes.'),
    rememberSeconds: z
      .int()
      .min(0)
      .max(300)
      .default(10)
      .describe(
        'A token that was verified is not verified again for so long, but never beyond its end; also how long a key ' +
          'that the issuer withdrew still counts. 0 verifies every time.',
      ),
    maxRemembered: z
      .int()
      .min(1)
      .max(1_000_000)
      .default(10_000)
      .describe('Verified tokens remembered at once; the oldest makes room.'),
  })
  .prefault({});

/** Value of {@link usersConfig}. */
export type UsersConfig = z.output<typeof usersConfig>;
/** One of `users.issuers`. */
export type UserIssuer = UsersConfig['issuers'][number];
