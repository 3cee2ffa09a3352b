/** The decision: wire <-> domain. Whatever is not exactly an answer that a PDP gave is a problem, and so a denial. */

import type { Checked, Decision } from '@portcullis/policy/model';
import type { Epochs } from '../epochs.js';
import type * as Wire from '../wire.js';
import { fromWireCondition, toWireCondition } from './condition.js';
import { contentDigest } from './content-digest.js';
import { fromWireDenyReason, toWireDenyReason } from './deny-reason.js';
import { ENUMS } from './enums.js';
import { fromWireEpochs, toWireEpochs } from './epochs.js';
import {
  type Findings,
  found,
  readEnum,
  readList,
  readNumber,
  readRequiredText,
  readText,
  settle,
} from './findings.js';
import { fromWireMatchedPolicy, toWireMatchedPolicy } from './matched-policy.js';
import { fromWireObligation, toWireObligation } from './obligation.js';
import { fromWirePolicyFault, toWirePolicyFault } from './policy-fault.js';
import { DIGEST_BYTES } from './request-digest.js';

/** An answer and the epochs it was computed under. */
export interface EpochedDecision {
  readonly decision: Decision;
  readonly epochs: Epochs;
}

/**
 * The decision as it travels.
 * Numbers that the wire cannot hold (a fraction in `cache.ttl_seconds`) make a message that {@link fromWireDecision} refuses.
 */
export function toWireDecision(decision: Decision, epochs: Epochs): Wire.Decision {
  const { cache, meta } = decision;
  return {
    decision_id: decision.decision_id,
    effect: ENUMS.decisionEffect.toWire[decision.effect],
    deny: decision.deny.map(toWireDenyReason),
    conditions: decision.conditions.map(toWireCondition),
    obligations: decision.obligations.map(toWireObligation),
    cache_ttl_seconds: cache.ttl_seconds,
    cache_scope: cache.scope,
    matched: decision.matched.map(toWireMatchedPolicy),
    errors: decision.diagnostics.errors.map(toWirePolicyFault),
    policy_version: meta.policy_version,
    evaluation_ms: meta.evaluation_ms,
    bundle_digest: meta.bundle_digest,
    release_seq: meta.release_seq,
    arm: ENUMS.arm.toWire[meta.arm],
    engine: meta.engine,
    cached: meta.cached,
    request_digest: Buffer.from(decision.request_digest, 'hex'),
    epochs: toWireEpochs(epochs),
    content_digest: contentDigest(decision, epochs),
  };
}

/**
 * The decision as it arrived, or everything that is wrong with it.
 * `allow` is true exactly when the wire says ALLOW. The caller still has to compare `request_digest` with its question's.
 */
export function fromWireDecision(message: Wire.Decision__Output): Checked<EpochedDecision> {
  const findings: Findings = [];
  const effect = readEnum(message.effect, ENUMS.decisionEffect, 'deny', 'effect', findings);
  const decision: Decision = {
    decision_id: readRequiredText(message.decision_id, 'decision_id', findings),
    allow: effect === 'allow',
    effect,
    deny: readList(message.deny, 'deny', findings, fromWireDenyReason),
    conditions: readList(message.conditions, 'conditions', findings, fromWireCondition),
    obligations: readList(message.obligations, 'obligations', findings, fromWireObligation),
    cache: {
      ttl_seconds: readNumber(message.cache_ttl_seconds, 'cache.ttl_seconds', findings),
      scope: readText(message.cache_scope, 'cache.scope', findings),
    },
    matched: readList(message.matched, 'matched', findings, fromWireMatchedPolicy),
    diagnostics: { errors: readList(message.errors, 'diagnostics.errors', findings, fromWirePolicyFault) },
    meta: {
      policy_version: readText(message.policy_version, 'meta.policy_version', findings),
      evaluation_ms: readNumber(message.evaluation_ms, 'meta.evaluation_ms', findings),
      bundle_digest: readText(message.bundle_digest, 'meta.bundle_digest', findings),
      release_seq: readNumber(message.release_seq, 'meta.release_seq', findings),
      arm: readEnum(message.arm, ENUMS.arm, 'stable', 'meta.arm', findings),
      engine: readText(message.engine, 'meta.engine', findings),
      cached: message.cached === true,
    },
    request_digest: readDigest(message.request_digest, 'request_digest', findings),
  };
  if (message.epochs === undefined) found(findings, 'ERR_WIRE_MISSING', 'epochs', 'is missing');
  const epochs = fromWireEpochs(message.epochs ?? {}, 'epochs', findings);
  if (decision.allow && decision.deny.length > 0) {
    found(findings, 'ERR_WIRE_CONTRADICTION', 'deny', 'an allow that gives reasons for a denial');
  }
  // Only a whole answer has a digest worth comparing.
  if (findings.length === 0 && !contentDigest(decision, epochs).equals(message.content_digest ?? Buffer.alloc(0))) {
    found(findings, 'ERR_WIRE_DIGEST', 'content_digest', 'does not fit the answer: a part of it was lost or changed');
  }
  return settle(findings, { decision, epochs });
}

function readDigest(value: unknown, path: string, findings: Findings): string {
  if (value instanceof Uint8Array && value.length === DIGEST_BYTES) return Buffer.from(value).toString('hex');
  found(findings, 'ERR_WIRE_DIGEST', path, `expected ${DIGEST_BYTES} bytes`);
  return '';
}
