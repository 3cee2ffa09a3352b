/** Approvers by JSON Web Token: who they are, of which tenant, with which roles. Verified anew for every request. */

import { type Clock, PortcullisError } from '@portcullis/runtime';
import { decodeJwt, type JWTPayload, type JWTVerifyGetKey } from 'jose';
import { TOKEN_ALGORITHMS, tokenRejected, verifyToken } from '../tokens/verify-token.js';
import type { ApproverConfig } from './approvals-config.js';
import type { Person } from './people.js';

/** Reads the person of a token. */
export interface ApproverReader {
  /** @throws PortcullisError `unauthenticated` for a token that is not accepted, `unavailable` when that cannot be found out. */
  personOf(token: string): Promise<Person>;
}

/** An issuer and its keys. */
export interface ApproverIssuer {
  readonly config: ApproverConfig;
  readonly keys: JWTVerifyGetKey;
}

const NAME = /^[A-Za-z0-9._-]{1,128}$/;
const PERSON = /^[^\p{Cc}\p{Cf}]{1,256}$/u;
const MAX_NAMES = 1_000;
const CLOCK_TOLERANCE_S = 5;

/** Builds the reader. */
export function createApproverReader(issuers: readonly ApproverIssuer[], clock: Clock): ApproverReader {
  return {
    personOf: async (token) => {
      const said = claimsOf(token).iss;
      const candidates = issuers.filter(({ config }) => config.issuer === said);
      let refusal = tokenRejected('the token is of no issuer whose approvers are known here');
      for (const { config, keys } of candidates) {
        try {
          const { issuer, audience } = config;
          const rules = { issuer, audience, algorithms: TOKEN_ALGORITHMS, toleranceSeconds: CLOCK_TOLERANCE_S };
          return personOf(await verifyToken(token, keys, rules, clock.now()), config);
        } catch (error) {
          refusal = PortcullisError.from(error);
        }
      }
      throw refusal;
    },
  };
}

function personOf(claims: JWTPayload, config: ApproverConfig): Person {
  // Whoever acts for somebody else (RFC 8693) is not that person: an agent could agree to its own request.
  if (claims['act'] !== undefined) throw tokenRejected('the token was made for somebody who acts for the person');
  const id = claims[config.personClaim];
  const tenant = claims[config.tenantClaim];
  if (typeof id !== 'string' || !PERSON.test(id)) throw tokenRejected('the token names no person');
  if (typeof tenant !== 'string' || !NAME.test(tenant)) throw tokenRejected('the token names no tenant');
  if (config.tenants?.includes(tenant) === false) throw tokenRejected('the issuer may not speak for this tenant');
  const email = claims['email'];
  return {
    id,
    tenant,
    email: typeof email === 'string' ? email : undefined,
    roles: namesOf(claims[config.rolesClaim]),
    groups: namesOf(claims[config.groupsClaim]),
  };
}

function namesOf(claim: unknown): readonly string[] {
  if (!Array.isArray(claim)) return [];
  return claim.slice(0, MAX_NAMES).filter((name): name is string => typeof name === 'string');
}

function claimsOf(token: string): JWTPayload {
  try {
    return decodeJwt(token);
  } catch (cause) {
    throw tokenRejected('the token is not one', cause);
  }
}
