import { X509Certificate } from 'node:crypto';
import { usageFault } from '../faults.js';
import { createAuthority, type LeafCertificate, type PemPair, signLeaf, validity } from './authority.js';
import { type LeafIdentity, type LeafKind, leafFolder, requireTrustDomain, spiffeIdFor } from './identity.js';

/** Days a development leaf is valid unless asked otherwise. */
export const DEFAULT_LEAF_DAYS = 90;
/** Days an approver's leaf is valid unless asked otherwise, and at most: nobody takes one back before it ends. */
export const APPROVER_LEAF_DAYS = { usual: 1, most: 7 } as const;
/** Days the development CA is valid at least; a longer-lived leaf stretches it. */
const CA_DAYS = 365;

/** A CA for one trust domain. */
export interface DevelopmentAuthority extends PemPair {
  readonly trustDomain: string;
}

/** A signed leaf and whom it is for. */
export interface IssuedLeaf extends PemPair {
  readonly identity: LeafIdentity;
  readonly spiffeId: string;
  /** The folder name that `writeDevelopmentPki` uses: `<kind>-<name>`. */
  readonly folder: string;
}

/** Parts of a leaf to set by hand, right or wrong: that is what fault tests are for. */
export type LeafOverrides = Partial<LeafCertificate>;

/** A CA and its first leaves, in memory. */
export interface DevelopmentPki {
  readonly authority: DevelopmentAuthority;
  readonly leaves: readonly IssuedLeaf[];
}

/** Servers are also clients: a PDP reads its bundles from the distributor. */
const USAGES = {
  pdp: ['server', 'client'],
  distributor: ['server', 'client'],
  publisher: ['client'],
  gateway: ['client'],
  agent: ['client'],
  approver: ['client'],
} as const satisfies Record<LeafKind, LeafCertificate['usages']>;

/**
 * Issues one leaf: SPIFFE URI SAN, `localhost` and the loopback addresses for servers, the key usages of its kind.
 * It never outlives the CA, unless `overrides` say so.
 * @throws PortcullisError `ERR_PKI_CA_MISMATCH`; `ERR_CLI_USAGE` for an approver's that is to live for too long.
 */
export async function issueLeaf(
  authority: DevelopmentAuthority,
  identity: LeafIdentity,
  options: { readonly now: Date; readonly days?: number; readonly overrides?: LeafOverrides },
): Promise<IssuedLeaf> {
  const spiffeId = spiffeIdFor(authority.trustDomain, identity);
  const usages: LeafCertificate['usages'] = USAGES[identity.kind];
  const serves = usages.includes('server');
  const { notBefore, notAfter } = validity(options.now, daysOf(identity, options.days));
  const caEnds = new X509Certificate(authority.certPem).validToDate;
  const pair = await signLeaf(authority, {
    commonName: leafFolder(identity).slice(0, 64),
    uris: [spiffeId],
    dnsNames: serves ? ['localhost'] : [],
    ipAddresses: serves ? ['127.0.0.1', '::1'] : [],
    usages,
    notBefore,
    notAfter: new Date(Math.min(notAfter.getTime(), caEnds.getTime())),
    ...options.overrides,
  });
  return { ...pair, identity, spiffeId, folder: leafFolder(identity) };
}

function daysOf({ kind }: LeafIdentity, asked: number | undefined): number {
  if (kind !== 'approver') return asked ?? DEFAULT_LEAF_DAYS;
  const { usual, most } = APPROVER_LEAF_DAYS;
  if (asked === undefined || asked <= most) return asked ?? usual;
  throw usageFault(`--days: an approver's certificate lives ${most} days at most, found ${asked}; issue it by itself`);
}

/**
 * Makes a development CA and its first leaves. Its key lies beside the certificates: never use it in production.
 * @throws PortcullisError `ERR_CLI_USAGE` for a trust domain that cannot be one.
 */
export async function createDevelopmentPki(options: {
  readonly trustDomain: string;
  readonly leaves: readonly LeafIdentity[];
  readonly now: Date;
  /** Validity of the leaves, in days; 90 by default, an approver's 1. */
  readonly days?: number;
}): Promise<DevelopmentPki> {
  const trustDomain = requireTrustDomain(options.trustDomain);
  const pair = await createAuthority({
    commonName: `Portcullis development CA ${trustDomain}`.slice(0, 64),
    uri: `spiffe://${trustDomain}`,
    ...validity(options.now, Math.max(CA_DAYS, options.days ?? 0)),
  });
  const authority = { ...pair, trustDomain };
  const leaves: IssuedLeaf[] = [];
  const { now, days } = options;
  const life = { now, ...(days === undefined ? {} : { days }) };
  for (const identity of options.leaves) leaves.push(await issueLeaf(authority, identity, life));
  return { authority, leaves };
}
