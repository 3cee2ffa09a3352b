/** What the risk stage (or the caller) thinks of the intent: wire <-> domain. */

import type { BehavioralSignal, IntentRisk, Json, JsonObject } from '@portcullis/policy/model';
import type * as Wire from '../wire.js';
import { ENUMS } from './enums.js';
import { type Findings, found, join, readOptionalEnum, readText } from './findings.js';
import { readJson, readJsonObject, writeJson } from './json-bytes.js';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** The assessment as it travels. */
export function toWireIntentRisk(risk: IntentRisk): Wire.IntentRisk {
  const message: Wire.IntentRisk = {};
  if (risk.decision !== undefined) message.decision = ENUMS.riskDecision.toWire[risk.decision];
  if (risk.explanation !== undefined) message.explanation = risk.explanation;
  if (risk.behavioral_signals !== undefined) {
    message.behavioral_signals_json = writeJson(risk.behavioral_signals as unknown as Json);
  }
  if (risk.risk_dimensions !== undefined) message.risk_dimensions_json = writeJson(risk.risk_dimensions);
  return message;
}

/** The assessment as it arrived. */
export function fromWireIntentRisk(message: Wire.IntentRisk__Output, path: string, findings: Findings): IntentRisk {
  const risk: Mutable<IntentRisk> = {};
  const decision = readOptionalEnum(message.decision, ENUMS.riskDecision, join(path, 'decision'), findings);
  if (decision !== undefined) risk.decision = decision;
  if (message.explanation !== undefined) {
    risk.explanation = readText(message.explanation, join(path, 'explanation'), findings);
  }
  if (message.behavioral_signals_json !== undefined) {
    const place = join(path, 'behavioral_signals');
    risk.behavioral_signals = readSignals(readJson(message.behavioral_signals_json, place, findings), place, findings);
  }
  if (message.risk_dimensions_json !== undefined) {
    const place = join(path, 'risk_dimensions');
    risk.risk_dimensions = readDimensions(
      readJsonObject(message.risk_dimensions_json, place, findings),
      place,
      findings,
    );
  }
  return risk;
}

function isObject(value: Json | undefined): value is JsonObject {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

function isSignal(value: Json): value is Json & BehavioralSignal {
  if (!isObject(value) || typeof value['signal_type'] !== 'string') return false;
  const { signal_type: _type, details, ...others } = value;
  return (details === undefined || isObject(details)) && Object.keys(others).length === 0;
}

function readSignals(value: Json | undefined, path: string, findings: Findings): readonly BehavioralSignal[] {
  if (value === undefined) return [];
  if (Array.isArray(value) && value.every(isSignal)) return value;
  found(findings, 'ERR_WIRE_JSON', path, 'expected a list of {signal_type, details?}');
  return [];
}

function readDimensions(
  value: JsonObject | undefined,
  path: string,
  findings: Findings,
): { readonly [dimension: string]: number } {
  if (value === undefined) return {};
  if (Object.values(value).every((score) => typeof score === 'number')) return value as Record<string, number>;
  found(findings, 'ERR_WIRE_JSON', path, 'expected an object of numbers');
  return {};
}
