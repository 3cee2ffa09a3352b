import type { Field } from '../dsl/fields.js';
import type { LeafIr } from '../engine/ir.js';
import type { Linker } from '../engine/match.js';
import type { Json } from '../model/request.js';
import { assembleRequest } from './assemble-request.js';
import { type Cell, type Column, columnOf } from './cell.js';
import { fieldCells } from './field-cells.js';
import { ANY_TRUTH, onlyTruth, type TruthSet } from './truth-set.js';

/** A field as a variable: the values that some comparisons tell apart. */
export interface Variable {
  readonly field: Field;
  readonly cells: readonly Cell[];
  /** The index of a column's truth in each cell, by the column's key. */
  readonly positions: ReadonlyMap<string, number>;
}

/** Finds the cells of fields, and remembers them. */
export interface Variables {
  /** The fields of some leaves, each with the cells that these leaves tell apart. */
  readonly of: (leaves: readonly LeafIr[]) => readonly Variable[];
  readonly column: (leaf: LeafIr) => Column;
}

/** Makes variables whose values are judged by the engine, through a linker. */
export function createVariables(linker: Linker): Variables {
  const known = new Map<string, Variable>();
  const columns = new WeakMap<LeafIr, Column>();
  const column = (leaf: LeafIr): Column => {
    const own = columns.get(leaf) ?? columnOf(leaf);
    columns.set(leaf, own);
    return own;
  };
  const variableOf = (path: string, asked: readonly Column[]): Variable => {
    const key = `${path} ${asked.map((one) => one.key).join(' ')}`;
    const found = known.get(key);
    if (found !== undefined) return found;
    const field = linker.fieldOf(path);
    const tests = asked.map(({ leaf }) => linker.link(leaf).test);
    const ask = (sample: Json): readonly TruthSet[] => {
      const request = assembleRequest([{ field, cell: { is: 'value', sample, truths: [] } }]);
      return tests.map((test) => (request === undefined ? ANY_TRUTH : onlyTruth(test(request))));
    };
    const cells = fieldCells({ field, columns: asked, ask });
    const variable = { field, cells, positions: new Map(asked.map((one, index) => [one.key, index])) };
    known.set(key, variable);
    return variable;
  };
  return {
    column,
    of(leaves) {
      const byField = new Map<string, Map<string, Column>>();
      for (const leaf of leaves) {
        const own = byField.get(leaf.field) ?? new Map<string, Column>();
        byField.set(leaf.field, own);
        own.set(column(leaf).key, column(leaf));
      }
      return [...byField].map(([path, own]) => variableOf(path, [...own.values()]));
    },
  };
}

/** Whether a field lies inside another, or two of them in the elements of one list. */
export function areRelated(variables: readonly Variable[]): boolean {
  return shareList(variables) || pairs(variables).some(([one, other]) => isWithin(one, other) || isWithin(other, one));
}

/** Whether two fields lie in the elements of what may be one list. */
export function shareList(variables: readonly Variable[]): boolean {
  const listed = (field: Field): boolean => field.quantifiers !== undefined || field.each !== undefined;
  return pairs(variables).some(([one, other]) => {
    if (!listed(one) && !listed(other)) return false;
    const [container, name] = one.segments;
    return other.segments[0] === container && other.segments[1] === name;
  });
}

function pairs(variables: readonly Variable[]): readonly (readonly [Field, Field])[] {
  return variables.flatMap(({ field }, index) =>
    variables.slice(index + 1).map((other) => [field, other.field] as const),
  );
}

function isWithin(inner: Field, outer: Field): boolean {
  return outer.segments.every((name, depth) => inner.segments[depth] === name);
}
