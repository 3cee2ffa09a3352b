/** What this PEP can carry out of what a decision may ask besides "allow". Absent means refuse (contracts §4). */

import {
  type Condition,
  type ConditionType,
  DECIDE_OUTPUT,
  type Decision,
  type Json,
  RECORDED_OBLIGATIONS,
  REPORT_RESULT,
} from '@portcullis/policy/model';
import type { Direction } from './permit.js';
import { resultOrder } from './result-order.js';

/** Carries out one kind of condition. Throws when it cannot; the guard then refuses. */
export type CarryOut = (condition: Condition, decision: Decision) => void;

/**
 * The kinds of conditions that are carried out; every other kind is refused, and every obligation that is not the PDP's.
 * `decide_output` is an obligation of its own for those who see what a model answers; the permit carries it.
 */
export type Capabilities = Readonly<Partial<Record<ConditionType, CarryOut>> & { readonly [DECIDE_OUTPUT]?: true }>;

/** Obligations that have no meaning but one, which the permit carries: see `result-order.ts`. */
const CARRIED = [REPORT_RESULT, ...RECORDED_OBLIGATIONS];

/**
 * The conditions or obligations that `capabilities` does not cover; a decision with any of them is not enforceable. What an
 * agent answers to a server is nothing that came back, so no result of it can be reported.
 */
export function unsupported(decision: Decision, capabilities: Capabilities, direction: Direction): readonly string[] {
  const order = resultOrder(decision);
  const isReportable = order === undefined || (order !== 'unusable' && direction === 'client_to_server');
  return [
    ...decision.conditions.filter((c) => !Object.hasOwn(capabilities, c.type)).map((c) => `condition ${c.type}`),
    ...decision.obligations
      .filter((o) => !CARRIED.includes(o.type) && !(o.type === DECIDE_OUTPUT && capabilities[DECIDE_OUTPUT] === true))
      .map((o) => `obligation ${o.type}`),
    ...(isReportable ? [] : [`obligation ${REPORT_RESULT}`]),
  ];
}

/** Carried out where the permit is made and used: see `redact/redactor.ts`. */
export const BY_REDACTOR: CarryOut = () => undefined;

/**
 * `max_tokens`: how much may be used at most; {@link tokenCap} of the permit tells what sends the request.
 * @throws TypeError when the value is not a whole number of at least 1
 */
export function maxTokens(condition: Condition): void {
  if (!isTokenCap(condition.value)) throw new TypeError('not a number of tokens');
}

/** The least of the decision's `max_tokens`; `undefined` when it has none. */
export function tokenCap({ conditions }: Pick<Decision, 'conditions'>): number | undefined {
  const caps = conditions.flatMap(({ type, value }) => (type === 'max_tokens' && isTokenCap(value) ? [value] : []));
  return caps.length === 0 ? undefined : Math.min(...caps);
}

function isTokenCap(value: Json): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 1;
}

/**
 * `audit_level`: the evidence itself is the PDP's; here the level marks the enforcement in the log.
 * @throws TypeError when the value is not a level: a decision we do not understand is not carried out.
 */
export function auditLevel(note: (level: string, decision: Decision) => void): CarryOut {
  return (condition, decision) => {
    const value = condition.value;
    if (typeof value !== 'string' || value.length === 0 || value.length > 64) throw new TypeError('not an audit level');
    note(value, decision);
  };
}
