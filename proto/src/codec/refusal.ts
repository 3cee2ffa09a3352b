/** Attempts that a PEP refused by itself (ADR-0034): wire <-> domain. */

import {
  type AttemptTarget,
  type Checked,
  DENY_CODES,
  type DenyCode,
  SOURCES,
  type Source,
} from '@portcullis/policy/model';
import type * as Wire from '../wire.js';
import { fromWireAttemptTarget, toWireAttemptTarget } from './attempt-target.js';
import { ENUMS } from './enums.js';
import {
  type Findings,
  found,
  readEnum,
  readInstant,
  readNumber,
  readRequiredText,
  readText,
  settle,
} from './findings.js';

/** A PEP's report of one, or of several that are alike. */
export interface RefusalReport {
  /** A UUID. */
  readonly refusal_id: string;
  readonly source: Source;
  readonly code: DenyCode;
  /** The PEP's own word for why, from a list of its own. */
  readonly reason?: string;
  /** The HTTP status that says the same, 400 to 599. */
  readonly status: number;
  /** What they were about, as far as that was read. */
  readonly tool: { readonly server?: string; readonly name?: string; readonly operation?: string };
  /** What they would have reached besides a tool, as far as that was read. */
  readonly target?: AttemptTarget;
  /** The decision that had allowed it, where there was one. */
  readonly decision_id?: string;
  /** How many, from 1. */
  readonly count: number;
  /** RFC 3339: the first. */
  readonly at: string;
  /** RFC 3339: the last. */
  readonly last_at: string;
}

/** No text of a report is longer, in UTF-16 code units. */
export const MAX_REFUSAL_TEXT = 256;

/** The report as it travels. */
export function toWireRefusal({ tool, reason, ...report }: RefusalReport): Wire.Refusal {
  return {
    refusal_id: report.refusal_id,
    source: ENUMS.source.toWire[report.source],
    code: ENUMS.denyCode.toWire[report.code],
    ...(reason === undefined ? {} : { reason }),
    status: report.status,
    ...(tool.server === undefined ? {} : { server: tool.server }),
    ...(tool.name === undefined ? {} : { tool: tool.name }),
    ...(tool.operation === undefined ? {} : { operation: tool.operation }),
    count: report.count,
    at: report.at,
    last_at: report.last_at,
    ...(report.target === undefined ? {} : { target: toWireAttemptTarget(report.target) }),
    ...(report.decision_id === undefined ? {} : { decision_id: report.decision_id }),
  };
}

/** The report as it arrived. */
export function fromWireRefusal(message: Wire.Refusal__Output): Checked<RefusalReport> {
  const findings: Findings = [];
  const { reason, server, tool, operation, target, decision_id: decision } = message;
  const status = readNumber(message.status, 'status', findings);
  if (status < 400 || status > 599) found(findings, 'ERR_WIRE_NUMBER', 'status', 'expected 400 to 599');
  const count = readNumber(message.count, 'count', findings);
  if (count < 1) found(findings, 'ERR_WIRE_NUMBER', 'count', 'expected 1 or more');
  return settle(findings, {
    refusal_id: readRequiredText(message.refusal_id, 'refusal_id', findings),
    source: readEnum(message.source, ENUMS.source, SOURCES[0], 'source', findings),
    code: readEnum(message.code, ENUMS.denyCode, DENY_CODES[0], 'code', findings),
    ...(reason === undefined ? {} : { reason: readShort(reason, 'reason', findings) }),
    status,
    tool: {
      ...(server === undefined ? {} : { server: readShort(server, 'server', findings) }),
      ...(tool === undefined ? {} : { name: readShort(tool, 'tool', findings) }),
      ...(operation === undefined ? {} : { operation: readShort(operation, 'operation', findings) }),
    },
    count,
    at: readInstant(message.at, 'at', findings),
    last_at: readInstant(message.last_at, 'last_at', findings),
    ...(target === undefined ? {} : { target: fromWireAttemptTarget(target, 'target', findings) }),
    ...(decision === undefined ? {} : { decision_id: readShort(decision, 'decision_id', findings) }),
  });
}

function readShort(value: unknown, path: string, findings: Findings): string {
  const text = readText(value, path, findings);
  if (text.length > MAX_REFUSAL_TEXT) {
    found(findings, 'ERR_WIRE_TYPE', path, `expected at most ${MAX_REFUSAL_TEXT} characters`);
  }
  return text;
}
