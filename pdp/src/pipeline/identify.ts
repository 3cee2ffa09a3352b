/**
 * Second stage: the user for whom the agent acts (ADR-0012). What a body says of `user` is a claim. It counts when a verified
 * token says the same, or when it comes from a gateway that is configured to know users. Everything else is refused, for
 * a policy that reads `user.*` must not be answered by whoever asks.
 */

import { isDeepStrictEqual } from 'node:util';
import type { UserSubject } from '@portcullis/policy/model';
import type { PeerIdentity } from '@portcullis/proto';
import { PortcullisError } from '@portcullis/runtime';
import { byDeadline } from './by-deadline.js';
import {
  type Attempt,
  denied,
  type IdentifiedRequest,
  mintIdentified,
  type NormalizedRequest,
  next,
  type StageResult,
} from './chain.js';
import type { UserAuthority } from './ports.js';

/** What the stage is configured with. */
export interface IdentifyParts {
  /** Without one no user counts, whoever names one. */
  readonly users?: UserAuthority | undefined;
}

const TOKEN_PATH = 'user_token';

/** At once unless there is a token that takes time; the digest stays that of the request as sent. */
export function identify(
  normalized: NormalizedRequest,
  attempt: Pick<Attempt, 'caller' | 'userToken'>,
  { users }: IdentifyParts,
  leftMs: number,
): StageResult<IdentifiedRequest> | Promise<StageResult<IdentifiedRequest>> {
  const { request } = normalized;
  const { caller, userToken } = attempt;
  if (userToken !== undefined) {
    if (users === undefined) return denied('IDENTITY_REJECTED', 'no user tokens are accepted here', TOKEN_PATH);
    return verified(normalized, userToken, users, leftMs);
  }
  if (request.user !== undefined && !mayAssert(caller, users)) {
    return denied('REQUEST_INVALID', 'a user is known by a verified token, not by what the request says', 'user');
  }
  return next(mintIdentified({ normalized, request }));
}

function mayAssert(caller: PeerIdentity, users: UserAuthority | undefined): boolean {
  return caller.kind === 'gateway' && users?.assertedBy.has(caller.name) === true;
}

function verified(
  normalized: NormalizedRequest,
  token: string,
  users: UserAuthority,
  leftMs: number,
): StageResult<IdentifiedRequest> | Promise<StageResult<IdentifiedRequest>> {
  const rejected = (error: unknown): StageResult<IdentifiedRequest> =>
    denied('IDENTITY_REJECTED', PortcullisError.from(error).message, TOKEN_PATH);
  try {
    const found = users.verify(token, normalized.request.tenant_id);
    if (!(found instanceof Promise)) return named(normalized, found);
    return byDeadline(found, leftMs).then((user) => named(normalized, user), rejected);
  } catch (error) {
    return rejected(error);
  }
}

function named(normalized: NormalizedRequest, user: UserSubject | undefined): StageResult<IdentifiedRequest> {
  const { request } = normalized;
  if (user === undefined) return denied('PDP_TIMEOUT', 'the user could not be verified in time', TOKEN_PATH);
  if (request.user !== undefined && !saysNoMore(request.user, user)) {
    return denied('REQUEST_INVALID', 'the user is not the one that the token names', 'user');
  }
  return next(mintIdentified({ normalized, request: { ...request, user } }));
}

/** Whether everything that is claimed is what is known. */
function saysNoMore(claimed: UserSubject, known: UserSubject): boolean {
  const { attributes: claimedAttributes = {}, ...claims } = claimed;
  const { attributes = {}, ...facts } = known;
  return isPart(claims, facts) && isPart(claimedAttributes, attributes);
}

function isPart(claims: object, facts: object): boolean {
  const known = new Map<string, unknown>(Object.entries(facts));
  return Object.entries(claims).every(([name, value]) => known.has(name) && isDeepStrictEqual(value, known.get(name)));
}
