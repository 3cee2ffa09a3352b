import { type CompiledBundle, comparePrecedence, type Engine, linkBundle, type RuleIr } from '@portcullis/policy';
import { compareVerdict } from '../compare-verdict.js';
import { verdictOf } from '../run-suites.js';
import type { Subject } from '../subject.js';
import type { TestCase } from '../suite.js';
import { probeTruths, type Truths } from '../truth-probe.js';
import { isObject } from './edit.js';
import type { Mutant, Origin } from './mutants.js';
import { sameCondition, sameConsequence } from './same-decisions.js';

/** Says what tests make of mutants. */
export interface Judge {
  /** The first case that fails with a mutant, if any does. */
  killerOf(mutant: Mutant): TestCase | undefined;
  /** Whether the rule of a number holds, or has no value, for some case. */
  isTouched(number: number): boolean;
}

/** Cases looked at with one engine. Small: most mutants are noticed by the first few cases that they touch. */
const CHUNK = 16;

/**
 * A mutant is judged by engines of few rules. A rule that is false of a request takes no part in its verdict, so an
 * engine of the rules that are not false of some of the cases, and the changed ones, gives the same verdicts for these.
 */
export function createJudge(subject: Subject, origins: readonly Origin[], cases: readonly TestCase[]): Judge {
  const { compiled } = subject;
  const ask = probeTruths(
    origins.map(({ rule }) => ({ scope: rule.scope, when: rule.when })),
    compiled,
  );
  const speaking = cases.map(({ request }) => {
    const { holds, errs } = ask(request);
    return new Map([
      ...holds.map((number) => [number, TRUE] as const),
      ...errs.map((number) => [number, ERROR] as const),
    ]);
  });

  const touches = ({ changes }: Mutant): readonly number[] => {
    const touched = new Set<number>();
    for (const [number, to] of changes) {
      const from = (origins[number] as Origin).rule;
      const asksTheSame = to !== undefined && sameCondition(from, to);
      const askNew = to === undefined || asksTheSame ? undefined : probeTruths([to], compiled);
      const onlyTruth = to !== undefined && sameConsequence(from, to);
      for (const [index, { request }] of cases.entries()) {
        const before = speaking[index]?.get(number) ?? FALSE;
        const after = askNew === undefined ? (asksTheSame ? before : FALSE) : truthOf(askNew(request));
        if (onlyTruth ? before !== after : before !== FALSE || after !== FALSE) touched.add(index);
      }
    }
    return [...touched].sort((a, b) => a - b);
  };

  const spoken = new Set(speaking.flatMap((truths) => [...truths.keys()]));

  const killerOf = (mutant: Mutant): TestCase | undefined => {
    const touched = touches(mutant);
    for (let from = 0; from < touched.length; from += CHUNK) {
      const chunk = touched.slice(from, from + CHUNK);
      const wanted = new Set(mutant.changes.keys());
      for (const index of chunk) for (const number of speaking[index]?.keys() ?? []) wanted.add(number);
      const engine = engineOf(subject, { origins, wanted, mutant });
      const killer = chunk
        .map((index) => cases[index] as TestCase)
        .find((testCase) => compareVerdict(testCase.expect, verdictOf(engine, testCase), testCase.strict).length > 0);
      if (killer !== undefined) return killer;
    }
    return undefined;
  };
  return { killerOf, isTouched: (number) => spoken.has(number) };
}

const FALSE = 0;
const TRUE = 1;
const ERROR = 2;

function truthOf({ holds, errs }: Truths): number {
  if (holds.length > 0) return TRUE;
  return errs.length > 0 ? ERROR : FALSE;
}

interface Selection {
  readonly origins: readonly Origin[];
  readonly wanted: ReadonlySet<number>;
  readonly mutant: Mutant;
}

function engineOf({ compiled, evaluators }: Subject, { origins, wanted, mutant }: Selection): Engine {
  const bySet = new Map<string, { readonly rule: RuleIr; readonly createdAt: string | undefined }[]>();
  for (const number of wanted) {
    const { set, rule: original, text } = origins[number] as Origin;
    const rule = mutant.changes.has(number) ? mutant.changes.get(number) : original;
    if (rule === undefined) continue;
    const document = text?.source.document;
    const written = isObject(document) ? document['created_at'] : undefined;
    const rules = bySet.get(set.name) ?? [];
    rules.push({ rule, createdAt: typeof written === 'string' ? written : undefined });
    bySet.set(set.name, rules);
  }
  const sets = compiled.sets.map((set) => {
    const compare = comparePrecedence(set.priorityOrder);
    const rules = (bySet.get(set.name) ?? []).toSorted((a, b) =>
      compare(
        { priority: a.rule.priority, id: a.rule.id, createdAt: a.createdAt },
        { priority: b.rule.priority, id: b.rule.id, createdAt: b.createdAt },
      ),
    );
    return { ...set, rules: rules.map(({ rule }) => rule) };
  });
  return linkBundle(
    isEmptied(origins, mutant) ? { ...compiled, sets } : { ...compiled, sets: withSilentRule(sets) },
    evaluators,
  );
}

/** Whether the mutant leaves no rule at all: then nothing is allowed, not even by default. */
function isEmptied(origins: readonly Origin[], { changes }: Mutant): boolean {
  return [...changes.values()].filter((rule) => rule === undefined).length === origins.length;
}

/** A rule that is never true stands for all those that were left out: a bundle without any rule denies. */
function withSilentRule(sets: CompiledBundle['sets']): CompiledBundle['sets'] {
  const [first, ...others] = sets;
  if (first === undefined) return sets;
  const [sample] = first.rules;
  if (sample !== undefined || others.some((set) => set.rules.length > 0)) return sets;
  return [{ ...first, rules: [SILENT_RULE] }, ...others];
}

const SILENT_RULE: RuleIr = {
  id: 'silent',
  name: 'silent',
  effect: { type: 'log_only' },
  priority: 0,
  scope: [],
  when: { node: 'or', of: [] },
  frameworks: [],
  file: '',
  line: 1,
  column: 1,
};
