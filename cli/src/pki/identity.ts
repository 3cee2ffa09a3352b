import { PortcullisError } from '@portcullis/runtime';

/** Whom a Portcullis certificate can speak for: kinds of workload, and people who answer approvals. */
export const LEAF_KINDS = ['pdp', 'distributor', 'publisher', 'gateway', 'agent', 'approver'] as const;
/** See {@link LEAF_KINDS}. */
export type LeafKind = (typeof LEAF_KINDS)[number];

/** Who a leaf certificate is for. Agents and approvers are named within their tenant. */
export type LeafIdentity =
  | { readonly kind: 'agent'; readonly tenant: string; readonly agent: string }
  | { readonly kind: 'approver'; readonly tenant: string; readonly name: string }
  | { readonly kind: Exclude<LeafKind, 'agent' | 'approver'>; readonly name: string };

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
 * Reads a leaf's name as it is typed: `TENANT/AGENT` for an agent, `TENANT/NAME` for an approver, a bare name for every other kind.
 * @throws PortcullisError `ERR_CLI_USAGE`.
 */
export function parseLeafIdentity(kind: LeafKind, text: string): LeafIdentity {
  if (kind !== 'agent' && kind !== 'approver') {
    if (!NAME.test(text)) refuse(`--${kind}`, text, '1 to 128 of letters, digits, ".", "_" and "-"');
    return { kind, name: text };
  }
  const [tenant, name, ...more] = text.split('/');
  if (tenant === undefined || name === undefined || more.length > 0 || !NAME.test(tenant) || !NAME.test(name)) {
    const form = kind === 'agent' ? 'TENANT/AGENT' : 'TENANT/NAME';
    refuse(`--${kind}`, text, `${form}, each 1 to 128 of letters, digits, ".", "_" and "-"`);
  }
  return kind === 'agent' ? { kind, tenant, agent: name } : { kind, tenant, name };
}

/** The SPIFFE id: `spiffe://<td>/<kind>/<name>`, or `spiffe://<td>/tenant/<tenant>/<agent | approver>/<name>`. */
export function spiffeIdFor(trustDomain: string, identity: LeafIdentity): string {
  return `spiffe://${trustDomain}/${pathOf(identity).join('/')}`;
}

function pathOf(identity: LeafIdentity): readonly string[] {
  switch (identity.kind) {
    case 'agent':
      return ['tenant', identity.tenant, identity.kind, identity.agent];
    case 'approver':
      return ['tenant', identity.tenant, identity.kind, identity.name];
    default:
      return [identity.kind, identity.name];
  }
}

/** The folder a leaf is written to: `<kind>-<name>`, `agent-<tenant>-<agent>`, `approver-<tenant>-<name>`. */
export function leafFolder(identity: LeafIdentity): string {
  switch (identity.kind) {
    case 'agent':
      return `agent-${identity.tenant}-${identity.agent}`;
    case 'approver':
      return `approver-${identity.tenant}-${identity.name}`;
    default:
      return `${identity.kind}-${identity.name}`;
  }
}
