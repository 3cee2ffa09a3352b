import { describe, expect, test } from '@jest/globals';
import { compileBundle } from '@portcullis/policy';
import { formatProblem } from '@portcullis/policy/model';
import { type Coverage, computeCoverage } from './coverage.js';
import { folderOf, manifestOf, suiteOf } from './fake-folder.js';
import { readSuites } from './read-suites.js';

function coverageOf(policies: string, tests: string, combining = 'priority'): Coverage {
  const files = folderOf({
    'bundle.yaml': manifestOf('', combining),
    'base/a.yaml': policies,
    'tests/a.yaml': suiteOf(tests),
  });
  const compiled = compileBundle(files);
  const suites = readSuites(files);
  if (!compiled.ok) throw new Error(compiled.problems.map(formatProblem).join('\n'));
  if (!suites.ok) throw new Error(suites.problems.map(formatProblem).join('\n'));
  const requests = suites.value.flatMap(({ cases }) => cases.map(({ request }) => request));
  return computeCoverage([{ compiled: compiled.value, requests }]);
}

/** Every gap as `policy what path line`. */
function gapsOf({ perRule }: Coverage): readonly string[] {
  return perRule.flatMap(({ policy, gaps }) =>
    gaps.map(({ what, path, line }) => `${policy} ${what} ${path} ${line}`.replace('  ', ' ')),
  );
}

const TWO = `- name: deny
  when:
    operator: or
    conditions:
      - { field: tool.name, operator: equals, value: rm }
      - { field: user.team, operator: not_equals, value: ops }
  effect: deny
  priority: 90
- name: allow
  when: { field: tool.name, operator: exists, value: true }
  effect: allow
  priority: 10
`;

describe('coverage', () => {
  test('nothing was asked: everything is a gap', () => {
    const coverage = coverageOf(TWO, '  - { name: x, skip: true, skip_reason: x, request: { kind: session } }\n');
    expect(coverage.rules).toEqual({ covered: 1, total: 2 });
    expect(gapsOf(coverage)).toEqual([
      'deny never_true when.conditions[0] 5',
      'deny never_false when.conditions[1] 6',
      'allow never_matched 9',
      'allow never_true when 10',
    ]);
  });

  test('a leaf is seen both ways, through an `or` that was settled before it too', () => {
    const coverage = coverageOf(
      TWO,
      `  - { name: a, request: { tool: { name: rm }, user: { team: ops } } }
  - { name: b, request: { tool: { name: ls }, user: { team: dev } } }
  - { name: c, request: { tool: { name: ls }, user: { team: ops } } }
  - { name: d, request: { user: { team: ops } } }
`,
    );
    expect(gapsOf(coverage)).toEqual([]);
    expect(coverage.rules).toEqual({ covered: 2, total: 2 });
    expect(coverage.branches).toEqual({ covered: 8, total: 8 });
  });

  test('a leaf without a value was seen neither way', () => {
    const text =
      '- { name: r, when: { field: tool.arguments.n, operator: greater_than, value: 1 }, effect: allow, priority: 1 }\n';
    const coverage = coverageOf(text, '  - { name: a, request: { tool: { arguments: { n: many } } } }\n');
    expect(gapsOf(coverage)).toEqual(['r never_matched 1', 'r never_true when 1', 'r never_false when 1']);
  });

  test('what is outside its scope shows nothing of a rule', () => {
    const text =
      '- { name: r, on: [egress], when: { field: tool.name, operator: equals, value: x }, effect: allow, priority: 1 }\n';
    const coverage = coverageOf(
      text,
      '  - { name: a, request: { tool: { name: x } } }\n  - { name: b, request: { tool: { name: y } } }\n',
    );
    expect(gapsOf(coverage)).toEqual(['r never_matched 1', 'r never_true when 1', 'r never_false when 1']);
  });

  test('a rule that holds behind the one that decided was not reached', () => {
    const text = `- { name: first, when: always, effect: deny, priority: 9 }
- { name: second, when: always, effect: allow, priority: 1 }
`;
    const coverage = coverageOf(text, '  - { name: a }\n');
    expect(gapsOf(coverage)).toEqual(['second never_matched 2']);
    expect(coverage.branches).toEqual({ covered: 1, total: 2 });
  });

  test.each([
    ['deny_overrides', ['allow never_decided 1']],
    ['first_match', ['deny never_matched 2', 'log never_matched 3']],
  ])('a rule that was overridden never decided: %s', (combining, gaps) => {
    const text = `- { name: allow, when: always, effect: allow, priority: 5 }
- { name: deny, when: always, effect: deny, priority: 5 }
- { name: log, when: always, effect: log_only, priority: 1 }
`;
    expect(gapsOf(coverageOf(text, '  - { name: a }\n', combining))).toEqual(gaps);
  });

  test('a log_only has nothing to decide, unless the first match decides', () => {
    const text = '- { name: log, when: always, effect: log_only, priority: 1 }\n';
    expect(coverageOf(text, '  - { name: a }\n').branches).toEqual({ covered: 0, total: 0 });
    expect(coverageOf(text, '  - { name: a }\n', 'first_match').branches).toEqual({ covered: 1, total: 1 });
  });

  test('what one subject shows counts for all', () => {
    const files = (tests: string): ReturnType<typeof folderOf> =>
      folderOf({ 'bundle.yaml': manifestOf(), 'base/a.yaml': TWO, 'tests/a.yaml': suiteOf(tests) });
    const inputs = [
      '  - { name: a, request: { tool: { name: rm }, user: { team: ops } } }\n',
      '  - { name: b, request: { tool: { name: ls }, user: { team: ops } } }\n',
    ].map((tests) => {
      const compiled = compileBundle(files(tests));
      const suites = readSuites(files(tests));
      if (!compiled.ok || !suites.ok) throw new Error('the fixture is wrong');
      return {
        compiled: compiled.value,
        requests: suites.value.flatMap(({ cases }) => cases.map(({ request }) => request)),
      };
    });
    expect(gapsOf(computeCoverage(inputs))).toEqual([
      'deny never_true when.conditions[1] 6',
      'allow never_false when 10',
    ]);
  });
});
