import type { LeafIr } from '../engine/ir.js';
import type { Json } from '../model/request.js';
import type { TruthSet } from './truth-set.js';

/** A leaf without what it says of a missing field, which several leaves may share. */
export interface Column {
  /** Equal keys: the same truth for every value that is there. */
  readonly key: string;
  readonly leaf: LeafIr;
}

/** Values of one field that the comparisons asked of it do not tell apart. */
export type Cell =
  | { readonly is: 'missing' }
  /** The path leads through something that is not an object. */
  | { readonly is: 'broken' }
  | {
      readonly is: 'value';
      /** One of the values; absent where it is only known that there may be some. */
      readonly sample?: Json;
      /** By column. More than one truth: not known which. */
      readonly truths: readonly TruthSet[];
    };

/** The column of a leaf. */
export function columnOf(leaf: LeafIr): Column {
  const { operator, negated, literal } = leaf;
  const quantifiers: unknown = (leaf as { readonly quantifiers?: unknown }).quantifiers;
  return {
    key: JSON.stringify([operator, negated, literal, quantifiers ?? null]),
    leaf: { ...leaf, whenMissing: false },
  };
}
