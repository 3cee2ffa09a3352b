import type { ConditionIr, LeafIr, RuleIr } from '../../engine/ir.js';
import { leavesOf } from '../claim.js';
import type { FindingText } from './finding.js';
import { kindsOf } from './leaf-findings.js';

/** The parts of a request that say who attempts what. */
const SUBJECTS: ReadonlySet<string> = new Set(['agent', 'user', 'tool', 'request', 'egress', 'peer']);
/** What a protocol needs to talk at all; there is nothing in it to constrain. */
const PROTOCOL: ReadonlySet<string> = new Set(['session', 'tool_list']);

/** Whether an allow is broader than its author can have meant. */
export function broadAllow(rule: RuleIr): readonly FindingText[] {
  if (rule.effect.type !== 'allow' || rule.kind !== undefined) return [];
  const leaves = leavesOf(rule.when);
  if (leaves.length === 0) {
    if (rule.scope.length > 0) return onlyScope(rule);
    const message = `"${rule.name}" allows every request that no other set denies`;
    return [{ code: 'LINT_ALLOW_ALWAYS', message, path: 'when' }];
  }
  if (isProtocolOnly(rule)) return [];
  const excluding = leaves.filter((leaf) => !isExists(leaf));
  if (excluding.length > 0 && excluding.every(({ negated }) => negated)) {
    const fields = [...new Set(excluding.map(({ field }) => field))].join(', ');
    const message = `"${rule.name}" only says which values of ${fields} it leaves out, and allows all others`;
    return [{ code: 'LINT_ALLOW_BY_EXCLUSION', message, path: 'when' }];
  }
  return constrains(rule.when) ? [] : [broad(rule)];
}

function onlyScope(rule: RuleIr): readonly FindingText[] {
  return isProtocolOnly(rule) ? [] : [broad(rule)];
}

function broad(rule: RuleIr): FindingText {
  const message = `"${rule.name}" can be satisfied without saying anything of the agent, the user or what is attempted`;
  return { code: 'LINT_ALLOW_BROAD', message, path: 'when' };
}

function isProtocolOnly(rule: RuleIr): boolean {
  return kindsOf(rule).every((kind) => PROTOCOL.has(kind));
}

function isExists({ operator }: LeafIr): boolean {
  return operator === 'exists';
}

/** Whether every way to satisfy the condition asks something of who attempts what. */
function constrains(condition: ConditionIr): boolean {
  if (condition.node === 'leaf') {
    return !condition.negated && !isExists(condition) && SUBJECTS.has(condition.field.split(/[.[]/, 1)[0] ?? '');
  }
  return condition.node === 'and' ? condition.of.some(constrains) : condition.of.every(constrains);
}
