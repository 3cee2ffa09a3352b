import { ERROR, FALSE } from '../dsl/truth.js';
import type { PolicyFault } from '../model/decision.js';
import type { CanonicalRequest } from '../model/request.js';
import { guardFields } from './guards.js';
import type { RuleIr, SetIr } from './ir.js';
import type { LinkedCondition, Linker } from './match.js';
import { isUnavailable } from './read-field.js';

/** A rule with its condition as a function. */
export interface LinkedRule {
  readonly ir: RuleIr;
  /** Scope and `when` together. */
  readonly condition: LinkedCondition;
  /** The fields the condition reads, in the order in which it names them. */
  readonly fields: readonly string[];
}

/** A set with its rules linked, in precedence order. */
export interface LinkedSet {
  readonly ir: SetIr;
  readonly rules: readonly LinkedRule[];
}

/** Links one rule. */
export function linkRule(ir: RuleIr, linker: Linker): LinkedRule {
  // One flat `and` instead of one inside another: it is asked at every evaluation.
  const when = ir.when.node === 'and' ? ir.when.of : [ir.when];
  const linked = linker.link({ node: 'and', of: [...ir.scope, ...when] });
  const condition = ir.guard === undefined ? linked : withAccounts(linked, guardFields(ir.guard));
  return { ir, condition, fields: [...new Set(condition.leaves.map(({ leaf }) => leaf.field))] };
}

/** A quota whose account cannot be told is an error of its rule: what is not known must not be somebody else's account. */
function withAccounts(condition: LinkedCondition, fields: readonly string[]): LinkedCondition {
  return {
    ...condition,
    test: (request) => {
      const truth = condition.test(request);
      const { unavailable } = request;
      if (truth === FALSE || unavailable === undefined) return truth;
      return fields.some((field) => isUnavailable(field, unavailable)) ? ERROR : truth;
    },
  };
}

/** Says which condition of an errored rule has no value and where it is written; never shows the value. */
export function faultOf(rule: LinkedRule, set: SetIr, request: CanonicalRequest): PolicyFault {
  const blamed = rule.condition.blame(request);
  const line = blamed === undefined || blamed.leaf.line === 0 ? rule.ir.line : blamed.leaf.line;
  const asked = blamed === undefined ? 'the condition' : `${blamed.leaf.written} on ${blamed.field.path}`;
  return {
    policy: rule.ir.id,
    layer: set.layer,
    path: blamed?.leaf.path ?? 'when',
    message: `${asked}: the request holds a value of the wrong type there (${rule.ir.file}:${line})`,
  };
}
