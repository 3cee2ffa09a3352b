/**
 * What must hold of a request for a rule to be true, as far as an index can look it up.
 *
 * Soundness: a rule may be left out only when its condition is surely false. A positive leaf whose field is missing, or
 * has a value that is none of what the leaf needs, is false; a false leaf makes its `and` false even beside an error,
 * and an `or` is false when all of its parts are. A value of the wrong type makes a leaf an error, so it proves nothing.
 */

import type { Field } from '../../dsl/fields.js';
import { operatorRow } from '../../dsl/operators.js';
import type { ConditionIr, LeafIr, RuleIr } from '../ir.js';
import { keysOf, type LeafKeys } from './dimension.js';

/** One field looked at in one way, and the keys of which the request must have one. */
export interface Constraint extends LeafKeys {
  readonly field: string;
  /** Names the dimension: the field, and how it is looked at. */
  readonly name: string;
}

/** A rule's constraints, at most one per dimension. */
export type Constraints = readonly Constraint[];

/** Fields by their paths in compiled conditions. */
export type FieldLookUp = (path: string) => Field;

/** The constraint of one leaf; nothing for one that an index cannot look up. */
export type LeafConstraint = (leaf: LeafIr) => Constraint | undefined;

/** Distinct leaves that are remembered; a bundle with more is compiled all the same. */
const MAX_REMEMBERED = 200_000;

/** Leaves that ask the same are given the same object: most leaves of a large bundle do, and comparing objects is cheap. */
export function createLeafConstraint(fieldOf: FieldLookUp): LeafConstraint {
  const known = new Map<string, Constraint | undefined>();
  return (leaf) => {
    // A negated leaf is true of most values, and of a missing field in a rule that blocks.
    if (leaf.negated || leaf.whenMissing) return undefined;
    const key = `${leaf.operator} ${leaf.field} ${JSON.stringify(leaf.literal)}`;
    if (known.has(key)) return known.get(key);
    if (known.size === MAX_REMEMBERED) known.clear();
    const constraint = constraintOf(leaf, fieldOf);
    known.set(key, constraint);
    return constraint;
  };
}

function constraintOf(leaf: LeafIr, fieldOf: FieldLookUp): Constraint | undefined {
  const field = fieldOf(leaf.field);
  // A value per element of a list: there is no one value to look up.
  const necessary =
    field.quantifiers === undefined ? operatorRow(leaf.operator).necessary?.(leaf.literal, field) : undefined;
  if (necessary === undefined) return undefined;
  const keys = keysOf(necessary);
  return { field: leaf.field, name: `${keys.kind} ${leaf.field}`, ...keys };
}

/** The constraints of a rule. */
export function constraintsOf(rule: RuleIr, ofLeaf: LeafConstraint): Constraints {
  return ofAll([...rule.scope, rule.when], ofLeaf);
}

const NONE: Constraints = [];

function ofCondition(condition: ConditionIr, ofLeaf: LeafConstraint): Constraints {
  if (condition.node === 'leaf') {
    const constraint = ofLeaf(condition);
    return constraint === undefined ? NONE : [constraint];
  }
  return condition.node === 'and' ? ofAll(condition.of, ofLeaf) : ofAny(condition.of, ofLeaf);
}

/** All parts hold: of two that speak of one dimension, the narrower. */
function ofAll(parts: readonly ConditionIr[], ofLeaf: LeafConstraint): Constraints {
  const all: Constraint[] = [];
  for (const part of parts) {
    for (const constraint of ofCondition(part, ofLeaf)) {
      const at = all.findIndex(({ name }) => name === constraint.name);
      const earlier = all[at];
      if (earlier === undefined) all.push(constraint);
      else if (constraint.keys.length < earlier.keys.length) all[at] = constraint;
    }
  }
  return all;
}

/** Some part holds: only a dimension of which every part speaks is constrained, to the keys of all of them. */
function ofAny(parts: readonly ConditionIr[], ofLeaf: LeafConstraint): Constraints {
  const [first, ...others] = parts.map((part) => ofCondition(part, ofLeaf));
  return (first ?? NONE).flatMap((constraint) => {
    const same = others.map((other) => other.find(({ name }) => name === constraint.name));
    return same.every((one) => one !== undefined) ? [united(constraint, same)] : [];
  });
}

function united(first: Constraint, others: readonly Constraint[]): Constraint {
  const all = [first, ...others];
  return {
    ...first,
    keys: [...new Set(all.flatMap(({ keys }) => keys))],
    maxLength: Math.max(...all.map(({ maxLength }) => maxLength)),
    widths: all.flatMap(({ widths }) => widths),
  };
}
