import type { Constraints } from './constraint.js';
import type { DimensionData } from './dimension.js';
import { addGroupPairs, type GroupData } from './group.js';
import { buildPostingTable, createPairList } from './int-table.js';
import { planIndex, signatureOf } from './plan.js';

/** The index as plain data: a worker can build and transfer it. */
export interface RuleIndexData {
  /** Rules in all. */
  readonly count: number;
  readonly dimensions: readonly DimensionData[];
  readonly groups: readonly GroupData[];
  /** Of all groups: see `PostingTable`. */
  readonly slots: Int32Array;
  readonly postings: Int32Array;
  /** The numbers of the rules that are always candidates, ascending. */
  readonly always: Int32Array;
}

/** Rules between two pauses; some tenths of a millisecond. */
const SLICE = 1024;

/** Builds the index of rules, given by their constraints in evaluation order; pauses at each `yield`. */
export function* buildRuleIndex(constraints: readonly Constraints[]): Generator<void, RuleIndexData> {
  const { dimensions, parts } = yield* planIndex(constraints);
  const always: number[] = [];
  const drafts = new Map<number, { readonly dimensions: readonly number[]; readonly rules: number[] }>();
  for (const [number, own] of parts.entries()) {
    if (number % SLICE === SLICE - 1) yield;
    if (own.length === 0) {
      always.push(number);
      continue;
    }
    const signature = signatureOf(own);
    const draft = drafts.get(signature) ?? { dimensions: own.map(({ dimension }) => dimension), rules: [] };
    drafts.set(signature, draft);
    draft.rules.push(number);
    for (const { keys } of own) {
      draft.rules.push(keys.length);
      for (const key of keys) draft.rules.push(key);
    }
  }
  const groups: GroupData[] = [];
  const pairs = createPairList();
  for (const draft of drafts.values()) {
    const group = { place: groups.length, dimensions: draft.dimensions, rules: Int32Array.from(draft.rules) };
    groups.push(group);
    yield* addGroupPairs(group, 0, pairs);
  }
  const { slots, postings } = yield* buildPostingTable(pairs, true);
  return { count: parts.length, dimensions, groups, slots, postings, always: Int32Array.from(always) };
}
