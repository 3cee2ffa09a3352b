/**
 * The digest over a whole answer, which makes an answer all or nothing.
 *
 * Protobuf drops what it does not know and fills in what is missing. A conditioned allow whose conditions were lost, or
 * that carries a restriction invented after this PEP was built, would decode into a bare allow. Both ends therefore
 * hash the same list; a PEP that does not arrive at the same digest refuses.
 */

import type { Decision } from '@portcullis/policy/model';
import type { Epochs } from '../epochs.js';
import { sha256 } from './sha256.js';

/**
 * SHA-256 over the RFC 8785 form of a list of every part of the answer, in a fixed order.
 * The list is an array of arrays of plain values (JSON values ride as their text), so the native writer already gives
 * the RFC 8785 form and nothing has to be sorted.
 */
export function contentDigest(decision: Decision, epochs: Epochs): Buffer {
  const { cache, meta } = decision;
  const content = JSON.stringify([
    'portcullis.decision/1',
    decision.decision_id,
    decision.effect,
    decision.request_digest,
    decision.deny.map((reason) => [reason.code, reason.message, reason.path, reason.reason_code ?? null]),
    decision.conditions.map((condition) => [condition.type, JSON.stringify(condition.value)]),
    decision.obligations.map((obligation) => [obligation.type, JSON.stringify(obligation.value)]),
    [cache.ttl_seconds, cache.scope],
    decision.matched.map((rule) => [rule.policy, rule.version, rule.layer, rule.effect, rule.conditions]),
    decision.diagnostics.errors.map((fault) => [fault.policy, fault.layer, fault.path, fault.message]),
    [meta.policy_version, meta.evaluation_ms, meta.bundle_digest, meta.release_seq, meta.arm, meta.engine, meta.cached],
    [epochs.release_seq, epochs.trust, epochs.labels, epochs.kill],
  ]);
  return sha256(content);
}
