import { PortcullisError } from '@portcullis/runtime';

/** The kinds of workload a Portcullis certificate can speak for. */
export const LEAF_KINDS = ['pdp', 'distributor', 'publisher', 'gateway', 'agent'] as const;
/** A kind of workload. */
export type LeafKind = (typeof LEAF_KINDS)[number];

/** Who a leaf certificate is for. An agent is named within its tenant. */
export type LeafIdentity =
  | { readonly kind: 'agent'; readonly tenant: string; readonly agent: string }
  | { readonly kind: Exclude<LeafKind, 'agent'>; readonly name: string };

const NAME = /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,128}$/;
const TRUST_DOMAIN = /^[a-z0-9._-]{1,255}$/;

function refuse(field: string, found: string, expected: string): never {
  throw new PortcullisError(
    'ERR_CLI_USAGE',
    'invalid',
    `${field}: expected ${expected}, found ${JSON.stringify(found)}`,
  );
}

/**
 * Refuses a trust domain that could not stand in a SPIFFE id.
 * @throws PortcullisError `ERR_CLI_USAGE`.
 */
export function requireTrustDomain(trustDomain: string): string {
  if (!TRUST_DOMAIN.test(trustDomain)) {
    refuse('--trust-domain', trustDomain, 'lower-case letters, digits, ".", "_" and "-", e.g. example.org');
  }
  return trustDomain;
}

/**
 * Reads a leaf's name as it is typed: `TENANT/AGENT` for an agent, a bare name for every other kind.
 * @throws PortcullisError `ERR_CLI_USAGE`.
 */
export function parseLeafIdentity(kind: LeafKind, text: string): LeafIdentity {
  if (kind !== 'agent') {
    if (!NAME.test(text)) refuse(`--${kind}`, text, '1 to 128 of letters, digits, ".", "_" and "-"');
    return { kind, name: text };
  }
  const [tenant, agent, ...more] = text.split('/');
  if (tenant === undefined || agent === undefined || more.length > 0 || !NAME.test(tenant) || !NAME.test(agent)) {
    refuse('--agent', text, 'TENANT/AGENT, each 1 to 128 of letters, digits, ".", "_" and "-"');
  }
  return { kind, tenant, agent };
}

/** The SPIFFE id: `spiffe://<td>/<kind>/<name>`, or `spiffe://<td>/tenant/<tenant>/agent/<agent>`. */
export function spiffeIdFor(trustDomain: string, identity: LeafIdentity): string {
  return identity.kind === 'agent'
    ? `spiffe://${trustDomain}/tenant/${identity.tenant}/agent/${identity.agent}`
    : `spiffe://${trustDomain}/${identity.kind}/${identity.name}`;
}

/** The folder a leaf is written to: `<kind>-<name>`, `agent-<tenant>-<agent>`. */
export function leafFolder(identity: LeafIdentity): string {
  return identity.kind === 'agent' ? `agent-${identity.tenant}-${identity.agent}` : `${identity.kind}-${identity.name}`;
}
