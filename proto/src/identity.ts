/** Who is at the other end of a connection, read from the SPIFFE ID of its certificate (contracts §1). */

/** A verified peer's place in the trust domain. */
export type PeerIdentity =
  | { readonly kind: 'agent'; readonly trustDomain: string; readonly tenant: string; readonly agent: string }
  | { readonly kind: 'gateway'; readonly trustDomain: string; readonly name: string }
  | { readonly kind: 'pdp' | 'distributor' | 'publisher'; readonly trustDomain: string; readonly name: string };

const SEGMENT = /^[A-Za-z0-9._-]{1,128}$/;
const SERVICE_KINDS = ['gateway', 'pdp', 'distributor', 'publisher'] as const;

/** `.` and `..` are made of admitted characters, yet some URL parsers fold them away. */
function isSegment(text: string | undefined): text is string {
  return text !== undefined && SEGMENT.test(text) && text !== '.' && text !== '..';
}

/**
 * Reads `spiffe://<trust domain>/tenant/<tenant>/agent/<agent>` and `spiffe://<trust domain>/<kind>/<name>`.
 * Compares bytes: nothing is decoded, folded or trimmed, so two different texts are never one identity.
 * @returns `undefined` for every other text, which callers treat as an unauthenticated peer
 */
export function parsePeerIdentity(spiffeId: string, trustDomain: string): PeerIdentity | undefined {
  const prefix = `spiffe://${trustDomain}/`;
  if (trustDomain === '' || !spiffeId.startsWith(prefix)) return undefined;
  const [first, second, third, fourth, ...more] = spiffeId.slice(prefix.length).split('/');
  if (more.length > 0 || !isSegment(second)) return undefined;
  if (first === 'tenant') {
    if (third !== 'agent' || !isSegment(fourth)) return undefined;
    return { kind: 'agent', trustDomain, tenant: second, agent: fourth };
  }
  const kind = SERVICE_KINDS.find((name) => name === first);
  if (kind === undefined || third !== undefined) return undefined;
  return { kind, trustDomain, name: second };
}

/** A person who answers questions of a tenant; no peer, and may ask for nothing. */
export interface ApproverIdentity {
  readonly tenant: string;
  readonly name: string;
}

/**
 * Reads `spiffe://<trust domain>/tenant/<tenant>/approver/<name>`, as strictly as {@link parsePeerIdentity}, which does not
 * know it: a person's certificate speaks for no agent.
 */
export function parseApproverIdentity(spiffeId: string, trustDomain: string): ApproverIdentity | undefined {
  const prefix = `spiffe://${trustDomain}/tenant/`;
  if (trustDomain === '' || !spiffeId.startsWith(prefix)) return undefined;
  const [tenant, kind, name, ...more] = spiffeId.slice(prefix.length).split('/');
  if (more.length > 0 || kind !== 'approver' || !isSegment(tenant) || !isSegment(name)) return undefined;
  return { tenant, name };
}
