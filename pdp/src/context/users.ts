/** Which users are real: those of verified tokens, and those of whom a configured gateway speaks (ADR-0012). */

import { createHash } from 'node:crypto';
import type { UserSubject } from '@portcullis/policy/model';
import type { Clock, Logger } from '@portcullis/runtime';
import { decodeJwt, type JWTVerifyGetKey } from 'jose';
import type { UserAuthority } from '../pipeline/ports.js';
import { type KeySet, type KeySetOptions, openKeySet } from '../tokens/key-set.js';
import { tokenRejected, verifyToken } from '../tokens/verify-token.js';
import { userOf } from './user-claims.js';
import type { UserIssuer, UsersConfig } from './users-config.js';

/** What {@link createUserAuthority} is told. */
export interface UserAuthorityParts {
  readonly config: UsersConfig;
  /** The keys of an issuer of `config`. */
  readonly keysOf: (issuer: UserIssuer) => JWTVerifyGetKey;
  readonly clock: Clock;
}

/** A user that was verified, until when, and by whom. */
interface Remembered {
  readonly user: UserSubject;
  readonly issuer: UserIssuer;
  /** Wall clock milliseconds: the end of the token is one. */
  readonly expiresAt: number;
  /** Monotonic milliseconds: a clock set back does not lengthen it. */
  readonly forgetAt: number;
}

/** An authority, and the keys it holds open. */
export interface OpenUserAuthority extends UserAuthority {
  close(): void;
}

/**
 * Opens the key sets of all issuers.
 * @throws PortcullisError `ERR_HTTP_KEYS` when a file is not a key set. A URL that does not answer is asked again later.
 */
export async function openUserAuthority(
  config: UsersConfig,
  parts: { readonly clock: Clock; readonly log: Logger; readonly fetch?: KeySetOptions['fetch'] },
): Promise<OpenUserAuthority> {
  const { clock, log, fetch } = parts;
  const open = new Map<UserIssuer, KeySet>();
  const close = (): void => {
    for (const set of open.values()) set.close();
  };
  try {
    for (const issuer of config.issuers) {
      open.set(issuer, await openKeySet(issuer, { log, ahead: true, ...(fetch === undefined ? {} : { fetch }) }));
    }
  } catch (error) {
    close();
    throw error;
  }
  const keysOf = (issuer: UserIssuer): JWTVerifyGetKey => {
    const set = open.get(issuer);
    if (set === undefined) throw new TypeError('the keys of this issuer are not open');
    return set.keys;
  };
  return { ...createUserAuthority({ config, keysOf, clock }), close };
}

/** Builds the authority. Tokens are kept nowhere: what was verified is remembered by their digest. */
export function createUserAuthority({ config, keysOf, clock }: UserAuthorityParts): UserAuthority {
  const issuers = new Map(config.issuers.map((issuer) => [issuer.issuer, issuer]));
  const remembered = new Map<string, Remembered>();

  const remember = (digest: string, entry: Remembered): void => {
    if (config.rememberSeconds === 0) return;
    remembered.delete(digest);
    for (const oldest of remembered.keys()) {
      if (remembered.size < config.maxRemembered) break;
      remembered.delete(oldest);
    }
    remembered.set(digest, entry);
  };
  const verify = async (token: string, digest: string, tenant: string): Promise<UserSubject> => {
    const issuer = issuers.get(issuerOf(token));
    if (issuer === undefined) throw tokenRejected('the token is of an issuer that is not trusted here');
    checkTenant(issuer, tenant);
    const { audience, algorithms, clockSkewSeconds: toleranceSeconds } = issuer;
    const rules = { issuer: issuer.issuer, audience, algorithms, toleranceSeconds };
    const startedAt = clock.monotonic();
    const payload = await verifyToken(token, keysOf(issuer), rules, clock.now());
    const user = userOf(payload, issuer.claims, config.maxTokenBytes);
    const expiresAt = ((payload.exp ?? 0) + toleranceSeconds) * 1_000;
    remember(digest, { user, issuer, expiresAt, forgetAt: startedAt + config.rememberSeconds * 1_000 });
    return user;
  };

  return {
    assertedBy: new Set(config.assertedBy),
    verify: (token, tenant) => {
      if (issuers.size === 0) throw tokenRejected('no user tokens are accepted here');
      if (Buffer.byteLength(token) > config.maxTokenBytes) throw tokenRejected('the token is too long');
      const digest = createHash('sha256').update(token).digest('base64');
      const known = remembered.get(digest);
      if (known === undefined) return verify(token, digest, tenant);
      if (clock.now() >= known.expiresAt || clock.monotonic() >= known.forgetAt) {
        remembered.delete(digest);
        return verify(token, digest, tenant);
      }
      checkTenant(known.issuer, tenant);
      return known.user;
    },
  };
}

function checkTenant({ tenants }: UserIssuer, tenant: string): void {
  if (tenants?.includes(tenant) === false)
    throw tokenRejected('the issuer of the token does not speak for this tenant');
}

/** The issuer that a token claims, only to choose the keys that must confirm it. */
function issuerOf(token: string): string {
  try {
    return decodeJwt(token).iss ?? '';
  } catch (error) {
    throw tokenRejected('the token is not a JSON Web Token', error);
  }
}
