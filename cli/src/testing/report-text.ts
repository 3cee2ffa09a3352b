import type { Explanation, RuleExplanation } from '@portcullis/policy';
import { explanationLines } from '../verbs/explanation-text.js';
import type { Coverage, Gap } from './coverage.js';
import type { MutantResult, MutationReport } from './mutation/run-mutants.js';
import { percentText } from './percentage.js';
import type { CaseResult, RunResult, SuiteResult } from './run-suites.js';
import { fileInPack } from './subject.js';
import { caseName, type Expectation } from './suite.js';

/** A run for a person: every suite in a line, what failed and what was skipped in full, and the tally. */
export function runLines({ suites, tally }: RunResult): readonly string[] {
  const lines = suites.flatMap(suiteLines);
  const parts = [
    `${tally.passed} passed`,
    `${tally.failed} failed`,
    ...(tally.skipped === 0 ? [] : [`${tally.skipped} skipped`]),
    ...(tally.notRun === 0 ? [] : [`${tally.notRun} not run`]),
  ];
  return [...lines, `tests     ${parts.join(', ')}, of ${tally.total}`];
}

function suiteLines({ name, file, results }: SuiteResult): readonly string[] {
  const failed = results.filter((result) => result.status === 'failed').length;
  const heading = `${failed === 0 ? 'ok    ' : 'FAILED'}  ${name} (${file}): ${countText(results.length, 'case')}`;
  return [heading, ...results.flatMap(resultLines)];
}

function resultLines(result: CaseResult): readonly string[] {
  const { testCase } = result;
  const place = `${testCase.file}:${testCase.line}`;
  switch (result.status) {
    case 'passed':
      return [];
    case 'skipped':
      return [`  skipped ${place} ${caseName(testCase)}: ${result.reason}`];
    case 'failed':
      return [
        `  failed  ${place} ${caseName(testCase)}`,
        ...result.differences.flatMap(({ what, expected, found }) => [
          `    ${what}`,
          `      - expected ${JSON.stringify(expected)}`,
          `      + found    ${JSON.stringify(found)}`,
        ]),
        ...result.verdict.deny.map(
          ({ reason_code, code, path, message }) => `    ${reason_code ?? code} ${path}: ${message}`,
        ),
        ...(result.explanation === undefined ? [] : relevantLines(result.explanation, testCase.expect)).map((line) =>
          `    ${line}`.trimEnd(),
        ),
        '',
      ];
  }
}

/** Rules shown of a failure besides those that took part: the nearest of those that would have done what was expected. */
const NEAREST_SHOWN = 3;
/** Conditions shown of one rule. */
const CONDITIONS_SHOWN = 6;
/** Letters of a line of an explanation. */
const LINE_SHOWN = 160;

/**
 * The part of an explanation that a failure is about: the rules that took part, the rules that the expectation names,
 * and, when the effect is another, the nearest misses among the rules that would have had the expected one. Of a rule
 * that held, the conditions that held; of one that did not, those that did not. `portcullis explain` tells the rest.
 */
function relevantLines(explanation: Explanation, expected: Expectation): readonly string[] {
  const named = new Set([...(expected.policies ?? []), ...(expected.errors ?? [])]);
  const all = explanation.sets.flatMap(({ layer, rules }) => rules.map((rule) => ({ layer, rule })));
  const kept = new Set<RuleExplanation>();
  for (const { layer, rule } of all) {
    const isNamed = named.has(rule.policy) || named.has(`${layer}/${rule.policy}`);
    if (isNamed || (rule.role !== 'none' && rule.role !== 'not_reached')) kept.add(rule);
  }
  const wanted = expected.effect ?? 'deny';
  const misses = all
    .map(({ rule }) => rule)
    .filter((rule) => !kept.has(rule) && rule.outcome === 'not_matched' && effectOf(rule) === wanted)
    .sort((a, b) => failing(a) - failing(b));
  if (explanation.verdict.effect !== wanted) for (const rule of misses.slice(0, NEAREST_SHOWN)) kept.add(rule);
  const sets = explanation.sets
    .map((set) => ({ ...set, rules: set.rules.filter((rule) => kept.has(rule)).map(shortened) }))
    .filter((set) => set.rules.length > 0);
  return explanationLines({ ...explanation, sets }).map((line) =>
    line.length > LINE_SHOWN ? `${line.slice(0, LINE_SHOWN - 3)}...` : line,
  );
}

function shortened(rule: RuleExplanation): RuleExplanation {
  const telling = rule.conditions.filter(({ outcome }) => (outcome === 'true') === (rule.outcome === 'matched'));
  const [shown, rest] = [telling.slice(0, CONDITIONS_SHOWN), telling.length - CONDITIONS_SHOWN];
  const more = rest > 0 ? `; ${rest} more such conditions are not shown` : '';
  return { ...rule, file: fileInPack(rule.file), why: `${rule.why}${more}`, conditions: shown };
}

function effectOf({ effect }: RuleExplanation): string {
  return effect === 'require_approval' || effect === 'require_hitl' ? 'hold' : effect;
}

function failing(rule: RuleExplanation): number {
  return rule.conditions.filter(({ outcome }) => outcome !== 'true').length;
}

const GAP_TEXT = {
  never_matched: 'never matched',
  never_decided: 'never decided',
  never_true: 'never true',
  never_false: 'never false',
} as const satisfies Record<Gap['what'], string>;

/** What tests showed, and every gap with its place. */
export function coverageLines({ rules, branches, perRule, modules }: Coverage): readonly string[] {
  return [
    ...perRule.flatMap(({ policy, gaps }) =>
      gaps.map(({ what, file, line, path, condition }) => {
        const asked = condition === undefined ? '' : `: ${condition} (${path})`;
        return `  ${file}:${line} ${policy} ${GAP_TEXT[what]}${asked}`;
      }),
    ),
    ...modules.map((name) => `  the inside of the module ${name} is not measured`),
    `rules     ${percentText(rules)} (${rules.covered} of ${rules.total})`,
    `branches  ${percentText(branches)} (${branches.covered} of ${branches.total})`,
  ];
}

/** How many changes of the policies the tests noticed, and every one that they did not. */
export function mutationLines({ score, results }: MutationReport): readonly string[] {
  const count = (fate: MutantResult['fate']): number => results.filter((result) => result.fate === fate).length;
  const rest = [
    `${count('survived')} survived`,
    ...(count('equivalent') === 0 ? [] : [`${count('equivalent')} change no decision`]),
    ...(count('not_run') === 0 ? [] : [`${count('not_run')} not run: the time was up`]),
  ];
  return [
    ...results
      .filter(({ fate }) => fate === 'survived')
      .toSorted((a, b) => a.file.localeCompare(b.file) || a.line - b.line)
      .map(survivorLine),
    `mutants   ${percentText(score)} (${score.covered} of ${score.total} killed, ${rest.join(', ')})`,
  ];
}

function survivorLine({ file, line, set, policy, path, what }: MutantResult): string {
  const place = line === 0 ? file : `${file}:${line}`;
  const subject = policy === '' ? `set ${set}` : policy;
  return `  ${place} ${subject} survived: ${what}${path === '' ? '' : ` (${path})`}`;
}

function countText(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`;
}
