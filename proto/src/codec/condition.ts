/** A condition on an allow: wire <-> domain. */

import type { Condition } from '@portcullis/policy/model';
import type * as Wire from '../wire.js';
import { ENUMS } from './enums.js';
import { type Findings, join, readEnum } from './findings.js';
import { readJson, writeJson } from './json-bytes.js';

/** The condition as it travels. */
export function toWireCondition(condition: Condition): Wire.Condition {
  return { type: ENUMS.conditionType.toWire[condition.type], value_json: writeJson(condition.value) };
}

/** The condition as it arrived. A type that this version does not know is a problem: it cannot be enforced. */
export function fromWireCondition(message: Wire.Condition__Output, path: string, findings: Findings): Condition {
  return {
    type: readEnum(message.type, ENUMS.conditionType, 'require_hitl', join(path, 'type'), findings),
    value: readJson(message.value_json, join(path, 'value'), findings) ?? null,
  };
}
