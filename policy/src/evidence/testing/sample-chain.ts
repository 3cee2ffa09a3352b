import type { DecisionEntry } from '../record.js';
import { GENESIS, sealDecision } from '../record.js';

/** A decision for tests. */
export function sampleEntry(changes: Partial<DecisionEntry> = {}): DecisionEntry {
  return {
    decision_id: 'd-1',
    request_digest: '11'.repeat(32),
    effect: 'allow',
    deny: [],
    tenant: 'acme',
    agent: 'analyst',
    tool: { server: 'files', name: 'read', operation: 'tools/call' },
    bundle_digest: '22'.repeat(32),
    policy_version: '1.0.0',
    release_seq: 1,
    matched: [{ policy: 'readers', layer: 'tenant', effect: 'allow' }],
    timings_us: { evaluation: 40, normalize: 12, context: 1, adjudicate: 20 },
    at: '2026-11-22T12:00:00.000Z',
    ...changes,
  };
}

/** The lines of a chain with a record for every id. For tests. */
export function sampleChain(ids: readonly string[], writer = 'portcullis.test/pdp/pdp-1/aa'): readonly string[] {
  let prev = GENESIS;
  return ids.map((id, index) => {
    const link = { record_id: `r-${id}`, writer, seq: index + 1, prev };
    const { line, hash } = sealDecision(sampleEntry({ decision_id: id }), link);
    prev = hash;
    return line;
  });
}
