/**
 * What must hold of a request for a rule to be true, as far as an index can look it up.
 *
 * Soundness: a rule may be left out only when its condition is surely false. A positive leaf whose field is missing, or
 * has a value that is none of what the leaf needs, is false; a false leaf makes its `and` false even beside an error,
 * and an `or` is false when all of its parts are. A value of the wrong type makes a leaf an error, so it proves nothing.
 */

import type { Field } from '../../dsl/fields.js';
import type { Necessary } from '../../dsl/operators/necessary.js';
import { operatorRow } from '../../dsl/operators.js';
import type { ConditionIr, LeafIr, RuleIr } from '../ir.js';
import { keysOf, type LeafKeys } from './dimension.js';

/** One field looked at in one way, and the keys of which the request must have one. */
export interface Constraint extends LeafKeys {
  readonly field: string;
}

/** A rule's constraints by {@link dimensionName}. */
export type Constraints = ReadonlyMap<string, Constraint>;

/** Fields by their paths in compiled conditions. */
export type FieldLookUp = (path: string) => Field;

/** The constraints of a rule. */
export function constraintsOf(rule: RuleIr, fieldOf: FieldLookUp): Constraints {
  return ofAll([...rule.scope, rule.when], fieldOf);
}

/** The name of a dimension; no field's path contains a space before its kind. */
export function dimensionName({ kind, field }: Constraint): string {
  return `${kind} ${field}`;
}

function ofCondition(condition: ConditionIr, fieldOf: FieldLookUp): Constraints {
  if (condition.node === 'leaf') return ofLeaf(condition, fieldOf);
  return condition.node === 'and' ? ofAll(condition.of, fieldOf) : ofAny(condition.of, fieldOf);
}

const NONE: Constraints = new Map();

function ofLeaf(leaf: LeafIr, fieldOf: FieldLookUp): Constraints {
  // A negated leaf is true of most values, and of a missing field in a rule that blocks.
  if (leaf.negated || leaf.whenMissing) return NONE;
  const necessary = necessaryOf(leaf, fieldOf);
  if (necessary === undefined) return NONE;
  const constraint = { field: leaf.field, ...keysOf(necessary) };
  return new Map([[dimensionName(constraint), constraint]]);
}

function necessaryOf(leaf: LeafIr, fieldOf: FieldLookUp): Necessary | undefined {
  const field = fieldOf(leaf.field);
  // A value per element of a list: there is no one value to look up.
  if (field.quantifiers !== undefined) return undefined;
  return operatorRow(leaf.operator).necessary?.(leaf.literal, field);
}

/** All parts hold: of two that speak of one dimension, the narrower. */
function ofAll(parts: readonly ConditionIr[], fieldOf: FieldLookUp): Constraints {
  const all = new Map<string, Constraint>();
  for (const part of parts) {
    for (const [name, constraint] of ofCondition(part, fieldOf)) {
      const earlier = all.get(name);
      if (earlier === undefined || constraint.keys.length < earlier.keys.length) all.set(name, constraint);
    }
  }
  return all;
}

/** Some part holds: only a dimension of which every part speaks is constrained, to the keys of all of them. */
function ofAny(parts: readonly ConditionIr[], fieldOf: FieldLookUp): Constraints {
  const [first, ...others] = parts.map((part) => ofCondition(part, fieldOf));
  if (first === undefined) return NONE;
  const any = new Map<string, Constraint>();
  for (const [name, constraint] of first) {
    const more = others.map((other) => other.get(name));
    if (more.every((one) => one !== undefined)) any.set(name, united([constraint, ...more]));
  }
  return any;
}

function united(constraints: readonly [Constraint, ...Constraint[]]): Constraint {
  const [{ field, kind }] = constraints;
  return {
    field,
    kind,
    keys: [...new Set(constraints.flatMap(({ keys }) => keys))],
    maxLength: Math.max(...constraints.map(({ maxLength }) => maxLength)),
    widths: constraints.flatMap(({ widths }) => widths),
  };
}
