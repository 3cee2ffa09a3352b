/** Something to do besides: wire <-> domain. */

import type { Obligation } from '@portcullis/policy/model';
import type * as Wire from '../wire.js';
import { type Findings, join, readRequiredText } from './findings.js';
import { readJson, writeJson } from './json-bytes.js';

/** The obligation as it travels. */
export function toWireObligation(obligation: Obligation): Wire.Obligation {
  return { type: obligation.type, value_json: writeJson(obligation.value) };
}

/** The obligation as it arrived. Its type is open: whether the PEP can carry it out is for the PEP to say. */
export function fromWireObligation(message: Wire.Obligation__Output, path: string, findings: Findings): Obligation {
  return {
    type: readRequiredText(message.type, join(path, 'type'), findings),
    value: readJson(message.value_json, join(path, 'value'), findings) ?? null,
  };
}
