import type { ConditionIr, LeafIr } from '../engine/ir.js';
import { CAN_FALSE, type TruthSet } from './truth-set.js';

/** What is asked of a request: a formula of two values over the truths of conditions. */
export type Claim =
  /** The condition's truth is one of these. */
  | { readonly claims: 'truth'; readonly of: ConditionIr; readonly among: TruthSet }
  | { readonly claims: 'all' | 'some'; readonly of: readonly Claim[] };

/** The condition comes to one of these truths. */
export function truthIs(of: ConditionIr, among: TruthSet): Claim {
  return { claims: 'truth', of, among };
}

/** All of the claims hold; an empty list always does. */
export function every(...of: readonly Claim[]): Claim {
  return { claims: 'all', of };
}

/** At least one of the claims holds; of an empty list none does. */
export function some(...of: readonly Claim[]): Claim {
  return { claims: 'some', of };
}

/** The opposite of a claim. */
export function not(claim: Claim): Claim {
  if (claim.claims === 'truth') return { ...claim, among: ~claim.among & 7 };
  return { claims: claim.claims === 'all' ? 'some' : 'all', of: claim.of.map(not) };
}

/** The condition is not false: it holds, or it errs. */
export function speaks(of: ConditionIr): Claim {
  return not(truthIs(of, CAN_FALSE));
}

/** The leaves of a condition, in the author's order. */
export function leavesOf(condition: ConditionIr): readonly LeafIr[] {
  return condition.node === 'leaf' ? [condition] : condition.of.flatMap(leavesOf);
}

/** The leaves of a claim. */
export function leavesOfClaim(claim: Claim): readonly LeafIr[] {
  return claim.claims === 'truth' ? leavesOf(claim.of) : claim.of.flatMap(leavesOfClaim);
}
