import { ERROR, FALSE, TRUE } from '../dsl/truth.js';
import { grantedOf } from '../engine/granted.js';
import type { ModuleIr, RuleIr, SetIr } from '../engine/ir.js';
import type { LinkedRule, LinkedSet } from '../engine/linked-rule.js';
import { walkSet } from '../engine/resolve.js';
import { type ModuleOutcome, resolveSets } from '../engine/verdict.js';
import type { ContextualRequest } from '../model/facts.js';

/** What an engine found about one policy: it holds, or it has no value. */
export interface ModuleFinding {
  readonly rule: RuleIr;
  /** Why it has no value; absent when it holds. Never quotes the request. */
  readonly fault?: string;
}

/**
 * What a module's policies come to. They resolve as the rules of a `deny_overrides` set of equal priority do: a denial
 * wins over a hold, a hold over an allow; a policy without a value denies if it would have blocked, and is reported.
 */
export function outcomeOf(
  ir: ModuleIr,
  findings: readonly ModuleFinding[],
  request: ContextualRequest,
  policyVersion: string,
): ModuleOutcome {
  const rules = findings.map(({ rule }) => rule);
  const granted = grantedOf(readGranted(request));
  const walk = walkSet<{ readonly ir: RuleIr }>(setOf(ir, rules), granted);
  const faults = new Map<RuleIr, string>();
  for (const { rule, fault } of findings) {
    if (fault !== undefined) faults.set(rule, fault);
    walk.take({ ir: rule }, fault === undefined ? TRUE : ERROR);
  }
  const outcome = walk.finish();
  const context = {
    policyVersion,
    // Whether the bundle's default applies is for the whole bundle to say.
    default: 'allow' as const,
    policyCount: 1,
    request,
    granted,
    faultOf: ({ ir: rule }: { readonly ir: RuleIr }) => ({
      policy: rule.id,
      layer: ir.layer,
      path: '',
      message: `${faults.get(rule) ?? 'no value'} (${rule.file}:${rule.line})`,
    }),
    fieldsOf: () => [],
  };
  const verdict = resolveSets([outcome], context, []);
  const { deny, conditions, obligations, matched, errors } = verdict;
  return { effect: outcome.effect, deny, conditions, obligations, matched, errors };
}

/** The module's policies as rules whose truth is known, so that an explanation takes the walk that decided. */
export function explainedSet(ir: ModuleIr, rules: readonly RuleIr[], findings: readonly ModuleFinding[]): LinkedSet {
  const truths = new Map(findings.map(({ rule, fault }) => [rule, fault === undefined ? TRUE : ERROR] as const));
  const linked = rules.map((rule): LinkedRule => {
    const truth = truths.get(rule) ?? FALSE;
    return { ir: rule, fields: [], condition: { test: () => truth, leaves: [], blame: () => undefined } };
  });
  return { ir: setOf(ir, rules), rules: linked };
}

function setOf({ name, layer }: ModuleIr, rules: readonly RuleIr[]): SetIr {
  return { name, layer, combining: 'deny_overrides', priorityOrder: 'desc', rules };
}

/** What stands at `GRANTED_FIELD`; a malformed request has nothing there. */
function readGranted(request: ContextualRequest): unknown {
  const context = request.context as { readonly approval?: { readonly granted?: unknown } | null } | null | undefined;
  return context?.approval?.granted;
}
