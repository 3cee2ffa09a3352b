import { type CompiledBundle, type ConditionIr, type LeafIr, linkBundle, type RuleIr } from '@portcullis/policy';
import type { ContextualRequest } from '@portcullis/policy/model';

/** A condition whose truth is wanted. */
export interface Probe {
  readonly scope: readonly LeafIr[];
  readonly when: ConditionIr;
}

/** Which probes are true of a request, and which have no value; the others are false. By their numbers. */
export interface Truths {
  readonly holds: readonly number[];
  readonly errs: readonly number[];
}

/**
 * Asks conditions of requests with the engine itself, its index included: each becomes a rule that only records, in a
 * set that looks at all of them.
 * @param like the bundle that the conditions are from: what it declares counts for them too
 */
export function probeTruths(probes: readonly Probe[], like: CompiledBundle): (request: ContextualRequest) => Truths {
  const rules = probes.map(
    ({ scope, when }, number): RuleIr => ({
      id: String(number),
      name: String(number),
      effect: { type: 'log_only' },
      priority: 0,
      scope,
      when,
      frameworks: [],
      file: '',
      line: 1,
      column: 1,
    }),
  );
  const engine = linkBundle({
    ...like,
    sets: [{ name: 'probe', layer: 'platform', combining: 'deny_overrides', priorityOrder: 'desc', rules }],
    modules: [],
  });
  return (request) => {
    const { matched, errors } = engine.evaluate(request);
    return { holds: matched.map(({ policy }) => Number(policy)), errs: errors.map(({ policy }) => Number(policy)) };
  };
}
