/** What each surface carries out of what a decision may ask. The tests try it on every surface; the reference is made from it. */

import { type ConditionType, DECIDE_OUTPUT, REPORT_RESULT } from '@portcullis/policy/model';
import type { SurfaceName } from './bad-input-surfaces.js';

/** A condition, or an obligation that is for whoever enforces. */
export type Duty = ConditionType | typeof DECIDE_OUTPUT | typeof REPORT_RESULT;

const AS_CONTENT = ['redact', 'mask_fields', 'audit_level', REPORT_RESULT] as const satisfies readonly Duty[];

/** What is in no row is refused there: a condition that is new to all of them, too. */
export const CARRIED_OUT: Readonly<Record<SurfaceName, readonly Duty[]>> = {
  mcp: AS_CONTENT,
  stdio: AS_CONTENT,
  a2a: AS_CONTENT,
  llm: [...AS_CONTENT, 'max_tokens', DECIDE_OUTPUT],
  egress: ['audit_level'],
  connect: ['audit_level'],
  authorize: ['audit_level', REPORT_RESULT],
};
