import { canonicalHost } from '../dsl/operators/host.js';

/** A text that is no host at all, and an address. */
const NO_HOST = 'not a host';
const ADDRESS_HOST = '192.0.2.1';
const FRESH_LABELS = ['x', 'y', 'other', 'fresh-label-1', 'fresh-label-2'] as const;

/**
 * Hosts that comparisons with the given domains can tell apart: every domain and every one above it, a fresh name below
 * each, a fresh one beside all, an address, and a text that is no host. Each also in another spelling, since comparisons
 * of texts tell these apart. Complete for `domain_match`.
 */
export function hostSamples(domains: readonly string[]): readonly string[] {
  const nodes = new Set<string>();
  for (const domain of domains) {
    const host = canonicalHost(domain.replace(/^\*\./, ''));
    if (host === undefined) continue;
    const labels = host.split('.');
    for (let index = 0; index < labels.length; index += 1) nodes.add(labels.slice(index).join('.'));
  }
  const hosts = [...nodes];
  const below = [...hosts, ''].flatMap((node) => {
    const fresh = FRESH_LABELS.map((label) => (node === '' ? `${label}.example` : `${label}.${node}`));
    const free = fresh.find((host) => !nodes.has(host));
    return free === undefined ? [] : [free];
  });
  const named = [...hosts, ...below];
  return [
    ...named,
    ADDRESS_HOST,
    NO_HOST,
    ...named.map((host) => host.toUpperCase()),
    ...named.map((host) => `${host}.`),
  ];
}
