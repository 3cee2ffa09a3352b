import { type CompiledBundle, type Engine, linkBundle, type RuleIr } from '@portcullis/policy';
import type { ContextualRequest } from '@portcullis/policy/model';
import { type MeasureOptions, rounded } from './measure.js';

/** What one rule's conditions cost when they are asked. */
export interface RuleCost {
  readonly policy: string;
  readonly set: string;
  readonly file: string;
  readonly line: number;
  /** Microseconds per request; an engine of this rule alone, less an engine of none. */
  readonly us: number;
}

/** With more rules there is no time to look at each. */
export const MAX_RANKED_RULES = 2000;
const TOP = 10;
/** Rounds over the requests of which the fastest counts: whatever else the machine does only makes a round slower. */
const ROUNDS = 5;

/**
 * The rules whose conditions cost most when they are looked at, dearest first, at most ten. How often the index lets a
 * rule be looked at is not part of it. Empty for a bundle of more than 2,000 rules.
 */
export function rankRules(
  compiled: CompiledBundle,
  requests: readonly ContextualRequest[],
  { seconds, clock, signal }: MeasureOptions,
): readonly RuleCost[] {
  const rules = compiled.sets.flatMap((set) => set.rules.map((rule) => ({ set: set.name, rule })));
  if (rules.length === 0 || rules.length > MAX_RANKED_RULES) return [];
  const perRule = (seconds * 1000) / (rules.length + 1);
  const costOf = (engine: Engine): number => {
    let fastest = Number.POSITIVE_INFINITY;
    for (let round = 0; round < ROUNDS && !signal.aborted; round += 1) {
      const start = clock.monotonic();
      let asked = 0;
      let now = start;
      do {
        for (const request of requests) engine.evaluate(request);
        asked += requests.length;
        now = clock.monotonic();
      } while (now - start < perRule / ROUNDS);
      fastest = Math.min(fastest, ((now - start) * 1000) / asked);
    }
    return fastest;
  };
  const nothing = costOf(engineOf(compiled, []));
  const costs = rules.map(({ set, rule }) => {
    const us = rounded(Math.max(0, costOf(engineOf(compiled, [rule])) - nothing));
    return { policy: rule.id, set, file: rule.file, line: rule.line, us };
  });
  signal.throwIfAborted();
  return costs.sort((a, b) => b.us - a.us).slice(0, TOP);
}

function engineOf(compiled: CompiledBundle, rules: readonly RuleIr[]): Engine {
  const set = { name: 'one', layer: 'platform', combining: 'priority', priorityOrder: 'desc', rules } as const;
  return linkBundle({ ...compiled, sets: [set], modules: [] });
}
