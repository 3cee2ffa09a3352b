/**
 * Whether a request could be allowed, or held for people, once what is not known of it is: by the engine's own walks, with
 * every rule that cannot be told (an error) taken either way. It may say yes where no value would do, because rules are
 * taken one by one; it never says no where one would. For lists of what an agent may call.
 */

import { ERROR, type TRUE } from '../dsl/truth.js';
import type { RuleEffect } from '../model/decision.js';
import type { DefaultEffect, RuleIr, SetIr } from './ir.js';

/** What a set could come to. Neither means that it denies for sure. */
export interface Possible {
  /** It may allow, or hold. */
  readonly allow: boolean;
  /** It may have nothing to say. */
  readonly nothing: boolean;
}

/** Walks the rules of one set in precedence order, as `walkSet` does. */
export interface PossibleWalk {
  /** Takes the next rule whose condition is not false. Returns whether rules after it can still matter. */
  take(rule: { readonly ir: RuleIr }, truth: typeof TRUE | typeof ERROR): boolean;
  finish(): Possible;
}

type Says = 'allow' | 'deny' | 'nothing';

/** Begins a walk by the set's way of combining. */
export function walkPossible(set: SetIr): PossibleWalk {
  return set.combining === 'deny_overrides' ? walkAll(set) : walkInOrder(set.combining === 'first_match');
}

function walkInOrder(firstDecides: boolean): PossibleWalk {
  let allow = false;
  let isOpen = true;
  return {
    take({ ir: rule }, truth) {
      const says = voice(rule, firstDecides);
      if (says === 'allow') allow = true;
      if (truth !== ERROR && says !== 'nothing') isOpen = false;
      return isOpen;
    },
    finish: () => ({ allow, nothing: isOpen }),
  };
}

function walkAll(set: SetIr): PossibleWalk {
  const wins = (a: number, b: number): boolean => (set.priorityOrder === 'desc' ? a > b : a < b);
  const certain: RuleIr[] = [];
  let allow = false;
  let best: number | undefined;
  return {
    take({ ir: rule }, truth) {
      const says = voice(rule, false);
      if (says === 'allow') {
        allow = true;
        const lifts = rule.effect.type === 'allow';
        if (lifts && (best === undefined || wins(rule.priority, best))) best = rule.priority;
      }
      if (truth !== ERROR && says !== 'nothing') certain.push(rule);
      return true;
    },
    finish() {
      const isLifted = ({ priority }: RuleIr): boolean => best !== undefined && wins(best, priority);
      if (certain.some((rule) => voice(rule, false) === 'deny' && !isLifted(rule)))
        return { allow: false, nothing: false };
      return { allow, nothing: certain.every(isLifted) };
    },
  };
}

/** What a rule says when it holds. A hold counts as an allow: people may agree to it. */
function voice({ effect, guard }: RuleIr, firstDecides: boolean): Says {
  if (guard !== undefined) return 'nothing';
  const says = SAYS[effect.type];
  return says === 'records' ? (firstDecides ? 'allow' : 'nothing') : says;
}

const SAYS = {
  allow: 'allow',
  deny: 'deny',
  require_approval: 'allow',
  require_hitl: 'allow',
  log_only: 'records',
  redact: 'records',
  limit: 'records',
  escalate: 'records',
} as const satisfies Record<RuleEffect, 'allow' | 'deny' | 'records'>;

/** Whether the sets together could allow. */
export function couldAllow(sets: readonly Possible[], byDefault: DefaultEffect): boolean {
  if (sets.some(({ allow, nothing }) => !allow && !nothing)) return false;
  return byDefault === 'allow' || sets.some(({ allow }) => allow);
}
