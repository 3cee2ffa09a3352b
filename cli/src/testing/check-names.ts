import { type CompiledBundle, didYouMean } from '@portcullis/policy';
import type { Problem } from '@portcullis/policy/model';
import type { SuiteProblemCode } from '../suite-problem-codes.js';
import type { TestCase, TestSuite } from './suite.js';

/**
 * The names of policies in suites that no policy of the bundle has: a slip there would go unseen, since a reading or an
 * approval of nothing changes nothing. Policies of modules are not known by name, so with modules nothing is checked.
 */
export function checkNames(suites: readonly TestSuite[], compiled: CompiledBundle): readonly Problem[] {
  if (compiled.modules.length > 0) return [];
  const rules = compiled.sets.flatMap((set) => set.rules.map((rule) => ({ set, rule })));
  const namesOf = (wanted: readonly (typeof rules)[number][]): ReadonlySet<string> =>
    new Set(wanted.flatMap(({ set, rule }) => [rule.id, `${set.layer}/${rule.id}`]));
  const policies = namesOf(rules);
  const quotas = namesOf(rules.filter(({ rule }) => rule.guard !== undefined));
  const holds = new Set(
    rules
      .filter(({ rule }) => rule.effect.type === 'require_approval' || rule.effect.type === 'require_hitl')
      .map(({ set, rule }) => `${set.layer}/${set.name}/${rule.id}`),
  );
  const problems = new Map<string, Problem>();
  for (const testCase of suites.flatMap((suite) => suite.cases)) {
    const { expect, readings, approved } = testCase;
    const asked = [
      { what: 'policy', key: 'expect.policies', names: expect.policies ?? [], known: policies },
      { what: 'policy', key: 'expect.errors', names: expect.errors ?? [], known: policies },
      {
        what: 'policy with a quota',
        key: 'expect.quotas',
        names: (expect.quotas ?? []).map(({ policy }) => policy),
        known: quotas,
      },
      { what: 'policy with a quota', key: 'readings', names: Object.keys(readings), known: quotas },
      { what: 'policy that holds', key: 'approved', names: approved, known: holds },
    ];
    for (const { what, key, names, known } of asked) {
      for (const name of names.filter((name) => !known.has(name))) {
        const problem = unknownName(testCase, key, `there is no ${what} "${name}"${didYouMean(name, known)}`);
        problems.set(JSON.stringify(problem), problem);
      }
    }
  }
  return [...problems.values()];
}

function unknownName({ test, file, line }: TestCase, key: string, message: string): Problem {
  const code: SuiteProblemCode = 'ERR_TESTS_NAME_UNKNOWN';
  return { code, message: `test "${test}": ${message}`, path: key, file, line, column: 1 };
}
