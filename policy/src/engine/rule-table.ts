import type { CompiledBundle, RuleIr, SetIr } from './ir.js';

/** A set's place in the evaluation order of its bundle. */
export interface SetPlace {
  /** The set; its rules are in the table and not here. */
  readonly ir: SetIr;
  /** The number of its first rule. */
  readonly first: number;
  /** The number just past its last rule. */
  readonly end: number;
}

/** A bundle's rules under one numbering: set by set, in precedence order. */
export interface RuleTable {
  readonly count: number;
  readonly sets: readonly SetPlace[];
  ruleAt(number: number): RuleIr;
  /** The set of a rule. */
  setAt(number: number): SetPlace;
}

/** Numbers the rules of sets; how many each has is given by `counts`. */
export function createRuleTable(
  sets: readonly SetIr[],
  counts: readonly number[],
  ruleAt: (number: number) => RuleIr,
): RuleTable {
  const places: SetPlace[] = [];
  let count = 0;
  for (const [place, ir] of sets.entries()) {
    const rules = counts[place] ?? 0;
    places.push({ ir, first: count, end: count + rules });
    count += rules;
  }
  const ends = Int32Array.from(places, ({ end }) => end);
  // A search among the sets: a table of all rules would be large, and a request would find it cold.
  const setAt = (number: number): SetPlace => {
    let low = 0;
    let high = ends.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((ends[middle] as number) > number) high = middle;
      else low = middle + 1;
    }
    return places[low] as SetPlace;
  };
  return { count, sets: places, ruleAt, setAt };
}

/** Numbers the rules of a bundle. */
export function tableOfBundle({ sets }: CompiledBundle): RuleTable {
  const table = createRuleTable(
    sets,
    sets.map(({ rules }) => rules.length),
    (number) => {
      const { ir, first } = table.setAt(number);
      return ir.rules[number - first] as RuleIr;
    },
  );
  return table;
}
