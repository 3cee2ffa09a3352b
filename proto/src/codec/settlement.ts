/** What became of an allowed attempt: wire <-> domain. */

import type { Checked } from '@portcullis/policy/model';
import type * as Wire from '../wire.js';
import { ENUMS, type EnforcementOutcome } from './enums.js';
import { type Findings, found, readEnum, readNumber, readRequiredText, settle } from './findings.js';
import { DIGEST_BYTES } from './request-digest.js';

/** A PEP's report on one decision. */
export interface SettlementReport {
  readonly decision_id: string;
  /** Lower-case hex. */
  readonly request_digest: string;
  readonly outcome: EnforcementOutcome;
  /** Whole milliseconds from decision to end of the upstream's answer. */
  readonly duration_ms: number;
  /** What the call used, as far as it was measured. */
  readonly usage?: ReportedUsage;
}

/** Actual use; finite and not negative. */
export interface ReportedUsage {
  readonly tokens?: number;
  /** In currency units. */
  readonly cost?: number;
  readonly bytes?: number;
}

/** The report as it travels. */
export function toWireSettlement(report: SettlementReport): Wire.Settlement {
  return {
    decision_id: report.decision_id,
    outcome: ENUMS.enforcementOutcome.toWire[report.outcome],
    request_digest: Buffer.from(report.request_digest, 'hex'),
    duration_ms: report.duration_ms,
    ...(report.usage === undefined ? {} : { usage: report.usage }),
  };
}

/** The report as it arrived. */
export function fromWireSettlement(message: Wire.Settlement__Output): Checked<SettlementReport> {
  const findings: Findings = [];
  const digest = message.request_digest;
  if (digest?.length !== DIGEST_BYTES) {
    found(findings, 'ERR_WIRE_DIGEST', 'request_digest', `expected ${DIGEST_BYTES} bytes`);
  }
  return settle(findings, {
    decision_id: readRequiredText(message.decision_id, 'decision_id', findings),
    request_digest: digest?.toString('hex') ?? '',
    outcome: readEnum(message.outcome, ENUMS.enforcementOutcome, 'refused', 'outcome', findings),
    duration_ms: readNumber(message.duration_ms, 'duration_ms', findings),
    ...(message.usage === undefined || message.usage === null ? {} : { usage: readUsage(message.usage, findings) }),
  });
}

function readUsage(message: Wire.Usage__Output, findings: Findings): ReportedUsage {
  const used = (['tokens', 'cost', 'bytes'] as const).flatMap((kind) => {
    const value = message[kind];
    if (value === undefined) return [];
    const amount = readNumber(value, `usage.${kind}`, findings);
    if (amount < 0) found(findings, 'ERR_WIRE_NUMBER', `usage.${kind}`, 'expected 0 or more');
    return [[kind, amount] as const];
  });
  return Object.fromEntries(used);
}
