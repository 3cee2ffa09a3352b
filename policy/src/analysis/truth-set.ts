import { ERROR, FALSE, TRUE, type Truth } from '../dsl/truth.js';

/** A set of truths: what a condition may still come to while some fields are open. */
export type TruthSet = number;
/** {false} */
export const CAN_FALSE: TruthSet = 1;
/** {true} */
export const CAN_TRUE: TruthSet = 2;
/** {error} */
export const CAN_ERROR: TruthSet = 4;
/** All three. */
export const ANY_TRUTH: TruthSet = CAN_FALSE | CAN_TRUE | CAN_ERROR;

/** The set of one truth. */
export function onlyTruth(truth: Truth): TruthSet {
  return { [FALSE]: CAN_FALSE, [TRUE]: CAN_TRUE, [ERROR]: CAN_ERROR }[truth];
}

/** Whether a truth is in the set. */
export function hasTruth(set: TruthSet, truth: Truth): boolean {
  return (set & onlyTruth(truth)) !== 0;
}

/** Kleene's `not` of every member. */
export function negateSet(set: TruthSet): TruthSet {
  return (set & CAN_ERROR) | ((set & CAN_FALSE) !== 0 ? CAN_TRUE : 0) | ((set & CAN_TRUE) !== 0 ? CAN_FALSE : 0);
}

/** What `and` may come to: false dominates, then an error. */
export function andSets(sets: Iterable<TruthSet>): TruthSet {
  let canFalse = 0;
  let canError = 0;
  let allCanTrue = true;
  let allCanAvoidFalse = true;
  for (const set of sets) {
    canFalse |= set & CAN_FALSE;
    canError |= set & CAN_ERROR;
    if ((set & CAN_TRUE) === 0) allCanTrue = false;
    if ((set & ~CAN_FALSE) === 0) allCanAvoidFalse = false;
  }
  return canFalse | (allCanAvoidFalse ? canError : 0) | (allCanTrue ? CAN_TRUE : 0);
}

/** What `or` may come to: true dominates, then an error. */
export function orSets(sets: Iterable<TruthSet>): TruthSet {
  let canTrue = 0;
  let canError = 0;
  let allCanFalse = true;
  let allCanAvoidTrue = true;
  for (const set of sets) {
    canTrue |= set & CAN_TRUE;
    canError |= set & CAN_ERROR;
    if ((set & CAN_FALSE) === 0) allCanFalse = false;
    if ((set & ~CAN_TRUE) === 0) allCanAvoidTrue = false;
  }
  return canTrue | (allCanAvoidTrue ? canError : 0) | (allCanFalse ? CAN_FALSE : 0);
}
