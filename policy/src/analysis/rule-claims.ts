import type { CustomFields } from '../dsl/custom-fields.js';
import { effectBlocks, effectNarrows } from '../dsl/effects.js';
import type { CompiledBundle, ConditionIr, RuleIr, SetIr } from '../engine/ir.js';
import { createLinker, type Linker } from '../engine/match.js';
import { type Claim, truthIs } from './claim.js';
import { CAN_ERROR, CAN_TRUE } from './truth-set.js';

/** A rule as the analyses see it. */
export interface RuleView {
  readonly rule: RuleIr;
  readonly set: SetIr;
  /** Scope and `when` together. */
  readonly condition: ConditionIr;
  /** It holds. */
  readonly holds: Claim;
  /** It takes part: it holds, or it errs and blocks. */
  readonly matters: Claim;
  /** It ends the walk of its set, when the walk gets to it; nothing when it never does. */
  readonly decides: Claim | undefined;
}

/** The fields that a bundle declares. */
export function fieldsOf(bundle: CompiledBundle): CustomFields {
  return (bundle as { readonly fields?: CustomFields }).fields ?? {};
}

/** A linker for the conditions of a bundle. */
export function linkerOf(bundle: CompiledBundle): Linker {
  return createLinker(fieldsOf(bundle));
}

/** The rules of a set, in precedence order. */
export function ruleViews(set: SetIr): readonly RuleView[] {
  return set.rules.map((rule) => {
    const condition: ConditionIr = { node: 'and', of: [...rule.scope, rule.when] };
    const blocks = effectBlocks(rule.effect.type);
    const among = (endsWalk(rule, set) ? CAN_TRUE : 0) | (blocks ? CAN_ERROR : 0);
    return {
      rule,
      set,
      condition,
      holds: truthIs(condition, CAN_TRUE),
      matters: truthIs(condition, CAN_TRUE | (blocks ? CAN_ERROR : 0)),
      decides: set.combining === 'deny_overrides' || among === 0 ? undefined : truthIs(condition, among),
    };
  });
}

/** Whether a rule that holds decides its set there and then. */
function endsWalk(rule: RuleIr, set: SetIr): boolean {
  if (rule.guard !== undefined) return false;
  const { type } = rule.effect;
  return set.combining === 'first_match' || type === 'allow' || isBlocking(rule);
}

/** Whether a rule denies or holds when it holds. */
export function isBlocking({ effect, guard }: RuleIr): boolean {
  return guard === undefined && effect.type !== 'allow' && effectBlocks(effect.type) && !effectNarrows(effect.type);
}

/** Whether a rule allows when it holds. */
export function isAllow({ effect }: RuleIr): boolean {
  return effect.type === 'allow';
}

/** Whether the first of two rules has strictly higher priority. */
export function outranks(one: RuleIr, other: RuleIr, set: SetIr): boolean {
  return set.priorityOrder === 'desc' ? one.priority > other.priority : one.priority < other.priority;
}
