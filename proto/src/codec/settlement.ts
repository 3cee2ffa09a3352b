/** What became of an allowed attempt: wire <-> domain. */

import { type Checked, type Json, type LayerNote, NER_OUTCOMES, REDACTION_LAYERS } from '@portcullis/policy/model';
import type * as Wire from '../wire.js';
import { ENUMS, type EnforcementOutcome } from './enums.js';
import { type Findings, found, readEnum, readNumber, readRequiredText, readText, settle } from './findings.js';
import { readJson, writeJson } from './json-bytes.js';
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
  /** What has searched, where the decision orders something taken out. */
  readonly redaction?: LayerNote;
  /** What came back, where the decision wants to know. */
  readonly result?: ReportedResult;
}

/** A result, and in which session it came. */
export interface ReportedResult {
  readonly value: Json;
  /** Whether `value` is the beginning of the result's JSON, as one text. */
  readonly truncated: boolean;
  /** As the request named it. */
  readonly session_id?: string;
  /** Whose attempt it was; a caller that is an agent need not say. */
  readonly tenant_id?: string;
  readonly agent_id?: string;
}

/** Actual use: what was measured of it. Finite, from 0 to {@link MAX_REPORTED}. */
export interface ReportedUsage {
  /** All of them; the sum of the three below when absent. */
  readonly tokens?: number;
  /** In currency units; priced by the PDP when absent. */
  readonly cost?: number;
  /** All of them; the sum of the two below when absent. */
  readonly bytes?: number;
  /** Tokens at the full price, without the cached ones. */
  readonly input_tokens?: number;
  readonly output_tokens?: number;
  readonly cached_tokens?: number;
  /** What the provider says it used. */
  readonly model?: string;
  readonly model_provider?: string;
  /** Towards the agent. */
  readonly bytes_in?: number;
  /** Away from it. */
  readonly bytes_out?: number;
}

/** More than this nobody uses in one call; a report that says so is none. */
export const MAX_REPORTED = 1e12;

const AMOUNTS = [
  'tokens',
  'cost',
  'bytes',
  'input_tokens',
  'output_tokens',
  'cached_tokens',
  'bytes_in',
  'bytes_out',
] as const;
const MAX_NAME = 512;

/** The report as it travels. */
export function toWireSettlement(report: SettlementReport): Wire.Settlement {
  return {
    decision_id: report.decision_id,
    outcome: ENUMS.enforcementOutcome.toWire[report.outcome],
    request_digest: Buffer.from(report.request_digest, 'hex'),
    duration_ms: report.duration_ms,
    ...(report.usage === undefined ? {} : { usage: report.usage }),
    ...(report.redaction === undefined ? {} : { redaction: toWireLayers(report.redaction) }),
    ...(report.result === undefined ? {} : toWireResult(report.result)),
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
    ...(message.redaction === undefined || message.redaction === null
      ? {}
      : { redaction: readLayers(message.redaction, findings) }),
    ...(message.result_json === undefined ? {} : { result: readResult(message, findings) }),
  });
}

function toWireLayers({ layers, ner }: LayerNote): Wire.RedactionLayers {
  return { layers: [...layers], ...(ner === undefined ? {} : { ner }) };
}

function readLayers(message: Wire.RedactionLayers__Output, findings: Findings): LayerNote {
  const named = message.layers ?? [];
  const layers = REDACTION_LAYERS.filter((layer) => named.includes(layer));
  if (layers.length !== named.length) found(findings, 'ERR_WIRE_ENUM', 'redaction.layers', 'expected distinct layers');
  const ner = NER_OUTCOMES.find((outcome) => outcome === message.ner);
  if (message.ner !== undefined && ner === undefined)
    found(findings, 'ERR_WIRE_ENUM', 'redaction.ner', `expected one of ${NER_OUTCOMES.join(' ')}`);
  return { layers, ...(ner === undefined ? {} : { ner }) };
}

function toWireResult({ value, truncated, ...whose }: ReportedResult): Partial<Wire.Settlement> {
  return { result_json: writeJson(value), result_truncated: truncated, ...whose };
}

function readResult(message: Wire.Settlement__Output, findings: Findings): ReportedResult {
  const whose = (['session_id', 'tenant_id', 'agent_id'] as const).flatMap((name) =>
    message[name] === undefined ? [] : [[name, readText(message[name], name, findings)] as const],
  );
  return {
    value: readJson(message.result_json, 'result', findings) ?? null,
    truncated: message.result_truncated === true,
    ...Object.fromEntries(whose),
  };
}

function readUsage(message: Wire.Usage__Output, findings: Findings): ReportedUsage {
  const used = AMOUNTS.flatMap((kind) => {
    const value = message[kind];
    if (value === undefined) return [];
    const amount = readNumber(value, `usage.${kind}`, findings);
    if (!(amount >= 0 && amount <= MAX_REPORTED)) {
      found(findings, 'ERR_WIRE_NUMBER', `usage.${kind}`, `expected 0 to ${MAX_REPORTED}`);
    }
    return [[kind, amount] as const];
  });
  const names = (['model', 'model_provider'] as const).flatMap((name) => {
    const value = message[name];
    if (value === undefined) return [];
    if (value.length > MAX_NAME) {
      found(findings, 'ERR_WIRE_TYPE', `usage.${name}`, `expected at most ${MAX_NAME} characters`);
    }
    return [[name, readText(value, `usage.${name}`, findings)] as const];
  });
  return Object.fromEntries<number | string | undefined>([...used, ...names]);
}
