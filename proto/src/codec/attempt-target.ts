/** What an attempt would reach besides a tool: wire <-> domain. */

import { type AttemptTarget, isPort, MAX_TARGET_TEXT } from '@portcullis/policy/model';
import type * as Wire from '../wire.js';
import { defineFields, readFields, writeFields } from './fields.js';
import { type Findings, found, join } from './findings.js';

const FIELDS = defineFields<AttemptTarget, Wire.AttemptTarget>({
  host: 'text',
  method: 'text',
  model: 'text',
  peer: 'text',
  port: 'number',
  provider: 'text',
  scheme: 'text',
  skill: 'text',
});

/** The target, as it travels. */
export function toWireAttemptTarget(value: AttemptTarget): Wire.AttemptTarget {
  return writeFields(FIELDS, value);
}

/** The target, as it arrived. */
export function fromWireAttemptTarget(
  message: Wire.AttemptTarget__Output,
  path: string,
  findings: Findings,
): AttemptTarget {
  const target = readFields(FIELDS, message, path, findings);
  for (const [name, value] of Object.entries<string | number>({ ...target })) {
    if (typeof value === 'string' && value.length > MAX_TARGET_TEXT) {
      found(findings, 'ERR_WIRE_TYPE', join(path, name), `expected at most ${MAX_TARGET_TEXT} characters`);
    } else if (typeof value === 'number' && !isPort(value)) {
      found(findings, 'ERR_WIRE_NUMBER', join(path, name), 'expected 1 to 65535');
    }
  }
  return target;
}
