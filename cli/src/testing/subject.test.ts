import { describe, expect, test } from '@jest/globals';
import { formatProblem } from '@portcullis/policy/model';
import { computeCoverage } from './coverage.js';
import { folderOf, manifestOf, suiteOf } from './fake-folder.js';
import { runMutants } from './mutation/run-mutants.js';
import { runSuites } from './run-suites.js';
import { readSubjects, type Subject } from './subject.js';

const PACK = {
  'pack.yaml': `format: portcullis.pack/1
name: reads
version: 1.0.0
title: Reads
description: Who may read.
category: tools
layer: platform
combining: priority
priority_order: desc
parameters:
  tools: { description: The tools that read., type: array, items: { type: string }, default: [read] }
`,
  'policies/reads.yaml': `name: Allow reads
when: { field: tool.name, operator: in, value: '\${tools}' }
effect: allow
priority: 10
`,
};

async function subjectsOf(files: { readonly [path: string]: string }): Promise<readonly Subject[]> {
  const subjects = await readSubjects(folderOf(files));
  if (!subjects.ok) throw new Error(subjects.problems.map(formatProblem).join('\n'));
  return subjects.value;
}

async function problemsOf(files: { readonly [path: string]: string }): Promise<readonly string[]> {
  const subjects = await readSubjects(folderOf(files));
  return subjects.ok ? [] : subjects.problems.map(formatProblem);
}

describe('what is tested', () => {
  test('a pack is a bundle of its own, once for each set of parameters', async () => {
    const subjects = await subjectsOf({
      ...PACK,
      'tests/a.yaml': suiteOf('  - { name: read, request: { tool: { name: read } }, expect: allow }\n'),
      'tests/b.yaml': suiteOf(
        '  - { name: read, request: { tool: { name: read } } }\n  - { name: look, request: { tool: { name: look } }, expect: allow }\n',
        'parameters: { tools: [look] }\n',
      ).replace('suite: demo', 'suite: looks'),
      'tests/c.yaml': suiteOf('  - { name: write, request: { tool: { name: write } } }\n').replace(
        'suite: demo',
        'suite: more',
      ),
    });
    expect(subjects.map(({ suites }) => suites.map(({ name }) => name))).toEqual([['demo', 'more'], ['looks']]);
    expect(runSuites(subjects, { failFast: false }).tally).toMatchObject({ passed: 4, failed: 0 });
    const coverage = computeCoverage(
      subjects.map(({ compiled, suites }) => ({
        compiled,
        requests: suites.flatMap(({ cases }) => cases.map(({ request }) => request)),
      })),
    );
    expect(coverage.perRule).toMatchObject([{ policy: 'allow-reads', file: 'policies/reads.yaml', line: 1, gaps: [] }]);
    let monotonic = 0;
    const report = await runMutants(
      subjects.map((subject) => ({ subject, cases: subject.suites.flatMap(({ cases }) => cases) })),
      {
        seconds: 3600,
        clock: { now: () => 0, monotonic: () => (monotonic += 1) },
        signal: new AbortController().signal,
        onProgress: () => undefined,
      },
    );
    // One policy, changed once, however many sets of parameters it is compiled with.
    expect(report.results.map(({ kind, fate }) => `${kind} ${fate}`)).toEqual([
      'negate_condition killed',
      'drop_condition killed',
      'flip_effect killed',
      'remove_policy killed',
    ]);
  });

  test('a pack without suites is compiled with its defaults', async () => {
    const [subject] = await subjectsOf(PACK);
    expect(subject?.engine.policyCount).toBe(1);
    expect(subject?.suites).toEqual([]);
  });

  test("problems of a pack stand where the pack's author knows them", async () => {
    const broken = { ...PACK, 'policies/reads.yaml': PACK['policies/reads.yaml'].replace('tool.name', 'tool.nme') };
    expect(await problemsOf(broken)).toEqual([
      expect.stringMatching(/^policies\/reads\.yaml:2:\d+ when\.field: unknown field "tool\.nme"/),
    ]);
    const suite = suiteOf('  - { name: x }\n', 'parameters: { tolls: [x] }\n');
    expect(await problemsOf({ ...PACK, 'tests/a.yaml': suite })).toEqual([expect.stringContaining('tolls')]);
  });

  test('the problems of policies and of suites are told together', async () => {
    const problems = await problemsOf({
      'bundle.yaml': manifestOf(),
      'base/a.yaml': '{ name: a, when: always, effect: alow, priority: 1 }',
      'tests/a.yaml': suiteOf('  - { name: x, expect: alow }\n', 'parameters: {}\n'),
    });
    expect(problems).toEqual([expect.stringContaining('tests/a.yaml:6:24'), expect.stringContaining('base/a.yaml:1:')]);
  });
});
