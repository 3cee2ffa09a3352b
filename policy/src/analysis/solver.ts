import type { ConditionIr, LeafIr } from '../engine/ir.js';
import type { Linker, Test } from '../engine/match.js';
import type { ContextualRequest } from '../model/facts.js';
import { assembleRequest } from './assemble-request.js';
import type { Cell, Column } from './cell.js';
import { type Claim, leavesOfClaim } from './claim.js';
import { ANY_TRUTH, andSets, CAN_ERROR, CAN_FALSE, CAN_TRUE, hasTruth, orSets, type TruthSet } from './truth-set.js';
import { areRelated, createVariables, type Variable } from './variables.js';

/** The answer to "is there a request for which this holds?" */
export type Answer =
  /** The engine confirmed that it holds for this one. */
  | { readonly answer: 'yes'; readonly request: ContextualRequest }
  /** There is none among the requests that a decision point accepts. */
  | { readonly answer: 'no' }
  /** It was not found and not ruled out. */
  | { readonly answer: 'unknown' };

/** Answers questions about the conditions of one bundle, or of several. */
export interface Solver {
  /** Whether some request makes the claim true. Sound both ways; bounded, hence sometimes `unknown`. */
  readonly ask: (claim: Claim) => Answer;
  /** Whether the claim holds for this request, by the engine. */
  readonly holds: (claim: Claim, request: ContextualRequest) => boolean;
}

/** Places of the search that one question may visit. */
export const MAX_VISITS = 4000;
/** Requests that one question may try. */
const MAX_TRIES = 200;

type Choices = Map<string, Cell>;

/** Makes a solver whose conditions are read by a linker, so that "yes" is always the engine's own. */
export function createSolver(linker: Linker, maxVisits = MAX_VISITS): Solver {
  const variables = createVariables(linker);
  const tests = new Map<ConditionIr, Test>();

  const testOf = (condition: ConditionIr): Test => {
    const known = tests.get(condition);
    if (known !== undefined) return known;
    const { test } = linker.link(condition);
    tests.set(condition, test);
    return test;
  };
  const holds = (claim: Claim, request: ContextualRequest): boolean => {
    if (claim.claims === 'truth') return hasTruth(claim.among, testOf(claim.of)(request));
    return claim.claims === 'all'
      ? claim.of.every((one) => holds(one, request))
      : claim.of.some((one) => holds(one, request));
  };

  const ask = (claim: Claim): Answer =>
    search(claim, variables.of(leavesOfClaim(claim)), { column: variables.column, maxVisits, holds });
  return { ask, holds };
}

interface SearchContext {
  readonly column: (leaf: LeafIr) => Column;
  readonly maxVisits: number;
  readonly holds: (claim: Claim, request: ContextualRequest) => boolean;
}

function search(claim: Claim, all: readonly Variable[], context: SearchContext): Answer {
  const variableOf = new Map(all.map((variable) => [variable.field.path, variable]));
  const related = areRelated(all);
  const choices: Choices = new Map();
  const domains = new Map(all.map((variable) => [variable.field.path, variable.cells]));
  const open = new Map<string, TruthSet[]>();

  const leafSet = (leaf: LeafIr): TruthSet => {
    const variable = variableOf.get(leaf.field) as Variable;
    const position = variable.positions.get(context.column(leaf).key) as number;
    const chosen = choices.get(leaf.field);
    if (chosen !== undefined) return truthIn(chosen, position, leaf);
    const known = open.get(leaf.field) ?? [];
    open.set(leaf.field, known);
    const index = position * 3 + (leaf.whenMissing === 'error' ? 2 : Number(leaf.whenMissing));
    const seen = known[index];
    if (seen !== undefined) return seen;
    const set = (domains.get(leaf.field) ?? []).reduce((sum, cell) => sum | truthIn(cell, position, leaf), 0);
    known[index] = set;
    return set;
  };
  const conditionSet = (condition: ConditionIr): TruthSet => {
    if (condition.node === 'leaf') return leafSet(condition);
    const parts = condition.of.map(conditionSet);
    return condition.node === 'and' ? andSets(parts) : orSets(parts);
  };
  /** A set of the claim's two values, as false and true. */
  const claimSet = (one: Claim): TruthSet => {
    if (one.claims === 'truth') {
      const set = conditionSet(one.of);
      return ((set & one.among) !== 0 ? CAN_TRUE : 0) | ((set & ~one.among) !== 0 ? CAN_FALSE : 0);
    }
    const sets = one.of.map(claimSet);
    return one.claims === 'all' ? andSets(sets) : orSets(sets);
  };

  // What no cell of one field can satisfy needs no search.
  for (const variable of all) {
    const { path } = variable.field;
    const kept = variable.cells.filter((cell) => {
      choices.set(path, cell);
      const possible = (claimSet(claim) & CAN_TRUE) !== 0;
      choices.delete(path);
      return possible;
    });
    if (kept.length === 0) return { answer: 'no' };
    domains.set(path, kept);
    open.delete(path);
  }
  if ((claimSet(claim) & CAN_TRUE) === 0) return { answer: 'no' };

  const order = all.toSorted(
    (a, b) => (domains.get(a.field.path)?.length ?? 0) - (domains.get(b.field.path)?.length ?? 0),
  );
  let visits = 0;
  let tries = 0;
  let doubtful = false;
  const walk = (depth: number): ContextualRequest | undefined => {
    visits += 1;
    if (visits > context.maxVisits || tries > MAX_TRIES) {
      doubtful = true;
      return undefined;
    }
    const set = claimSet(claim);
    if ((set & CAN_TRUE) === 0) return undefined;
    if ((set & CAN_FALSE) === 0 || depth === order.length) {
      const found = attempt();
      // What an open field has by default may be just what its own cells leave out.
      if (found !== undefined || depth === order.length) return found;
    }
    const { path } = (order[depth] as Variable).field;
    for (const cell of domains.get(path) ?? []) {
      choices.set(path, cell);
      const found = walk(depth + 1);
      if (found !== undefined) return found;
      choices.delete(path);
    }
    return undefined;
  };
  const attempt = (): ContextualRequest | undefined => {
    tries += 1;
    const chosen = [...choices].map(([path, cell]) => ({ field: (variableOf.get(path) as Variable).field, cell }));
    const unseen = chosen.some(({ cell }) => cell.is === 'value' && cell.sample === undefined);
    const request = unseen ? undefined : assembleRequest(chosen);
    if (request !== undefined && context.holds(claim, request)) return request;
    // Two fields of one container may exclude each other's samples without excluding each other.
    if (unseen || related) doubtful = true;
    else if (request !== undefined && order.length === choices.size) doubtful = true;
    return undefined;
  };
  const found = walk(0);
  if (found !== undefined) return { answer: 'yes', request: found };
  return { answer: doubtful ? 'unknown' : 'no' };
}

function truthIn(cell: Cell, position: number, leaf: LeafIr): TruthSet {
  if (cell.is === 'missing' && leaf.whenMissing === 'error') return CAN_ERROR;
  if (cell.is === 'missing') return leaf.whenMissing ? CAN_TRUE : CAN_FALSE;
  if (cell.is === 'broken') return CAN_ERROR;
  return cell.truths[position] ?? ANY_TRUTH;
}
