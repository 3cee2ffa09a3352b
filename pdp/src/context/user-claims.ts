/** From the claims of a verified token to `user`. What has another type than a policy would read is refused, not bent. */

import type { UserSubject } from '@portcullis/policy/model';
import { type Json, parseStrictJson } from '@portcullis/runtime';
import type { JWTPayload } from 'jose';
import { tokenRejected } from '../tokens/verify-token.js';
import type { UserIssuer } from './users-config.js';

/** As the schema of the canonical request has it. */
const MAX_TEXT = 1_024;

/**
 * The user that the claims name.
 * @throws PortcullisError `unauthenticated`: no id, or a claim of another type.
 */
export function userOf(payload: JWTPayload, claims: UserIssuer['claims'], maxBytes: number): UserSubject {
  // Claims are looked at as strictly as a request is: no prototype keys, no numbers that are not exact.
  const parsed = parseStrictJson(Buffer.from(JSON.stringify(payload)), { maxBytes: 8 * maxBytes });
  if (!parsed.ok) throw tokenRejected('the claims of the token are not strict JSON');
  const read = (claim: string | readonly string[]): Json | undefined => valueAt(parsed.value, claim);
  const text = (claim: string | readonly string[]): string | undefined => {
    const value = read(claim);
    if (value === undefined || value === null) return undefined;
    if (typeof value === 'string' && value.length > 0 && value.length <= MAX_TEXT) return value;
    throw tokenRejected(`the claim ${nameOf(claim)} is not a text of at most ${MAX_TEXT} characters`);
  };
  const id = text(claims.id);
  if (id === undefined) throw tokenRejected(`the token has no claim ${nameOf(claims.id)}`);
  // Some issuers say it as text; whatever is not plainly true vouches for nothing.
  const verified = read('email_verified') ?? true;
  const email = verified === true ? text(claims.email) : undefined;
  const role = text(claims.role);
  const team = text(claims.team);
  const attributes = Object.entries(claims.attributes).flatMap(([name, claim]) => {
    const value = read(claim);
    return value === undefined ? [] : [[name, value] as const];
  });
  return {
    id,
    ...(email === undefined ? {} : { email }),
    ...(role === undefined ? {} : { role }),
    ...(team === undefined ? {} : { team }),
    ...(attributes.length === 0 ? {} : { attributes: Object.fromEntries(attributes) }),
  };
}

function valueAt(root: Json, claim: string | readonly string[]): Json | undefined {
  let value: Json | undefined = root;
  for (const name of typeof claim === 'string' ? [claim] : claim) {
    if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.hasOwn(value, name)) {
      return undefined;
    }
    value = (value as { readonly [member: string]: Json })[name];
  }
  return value;
}

function nameOf(claim: string | readonly string[]): string {
  return typeof claim === 'string' ? claim : claim.join('.');
}
