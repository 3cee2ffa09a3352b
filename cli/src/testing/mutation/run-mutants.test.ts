import { describe, expect, test } from '@jest/globals';
import { compileDocument, linkBundle } from '@portcullis/policy';
import { formatProblem } from '@portcullis/policy/model';
import { systemClock } from '@portcullis/runtime';
import { compareVerdict } from '../compare-verdict.js';
import { folderOf, manifestOf, suiteOf } from '../fake-folder.js';
import { runSuites, verdictOf } from '../run-suites.js';
import { readSubjects, type Subject } from '../subject.js';
import type { TestCase } from '../suite.js';
import { mutatePolicy } from './mutate-policy.js';
import { type MutantResult, type MutationOptions, runMutants } from './run-mutants.js';

const OPTIONS: MutationOptions = {
  seconds: 600,
  clock: systemClock,
  signal: new AbortController().signal,
  onProgress: () => undefined,
};

async function subjectOf(files: { readonly [path: string]: string }): Promise<Subject> {
  const subjects = await readSubjects(folderOf(files));
  if (!subjects.ok) throw new Error(subjects.problems.map(formatProblem).join('\n'));
  const [subject] = subjects.value;
  if (subject === undefined) throw new Error('there is no subject');
  expect(runSuites([subject], { failFast: false }).tally.failed).toBe(0);
  return subject;
}

function casesOf(subject: Subject): readonly TestCase[] {
  return subject.suites.flatMap(({ cases }) => cases);
}

async function mutantsOf(policies: string, tests: string, manifest = manifestOf()): Promise<readonly MutantResult[]> {
  const subject = await subjectOf({ 'bundle.yaml': manifest, 'base/a.yaml': policies, 'tests/a.yaml': suiteOf(tests) });
  const { results, score } = await runMutants([{ subject, cases: casesOf(subject) }], OPTIONS);
  expect(score.covered).toBe(results.filter(({ fate }) => fate === 'killed').length);
  expect(score.total).toBe(results.filter(({ fate }) => fate !== 'equivalent').length);
  return results;
}

/** What survived, as `policy kind path`. */
function survivors(results: readonly MutantResult[]): readonly string[] {
  return results
    .filter(({ fate }) => fate === 'survived')
    .map(({ policy, kind, path }) => `${policy} ${kind} ${path}`.trim())
    .sort();
}

const READ = `- name: read
  when: { field: tool.name, operator: equals, value: read }
  effect: allow
  priority: 50
`;

describe('mutants', () => {
  test('tests on both sides of a condition notice every change of it', async () => {
    const tests = `  - { name: a, request: { tool: { name: read } }, expect: allow }
  - { name: b, request: { tool: { name: write } } }
`;
    const results = await mutantsOf(READ, tests);
    expect(results.map(({ kind, fate }) => `${kind} ${fate}`)).toEqual([
      'negate_condition killed',
      'drop_condition killed',
      'flip_effect killed',
      'remove_policy killed',
    ]);
    expect(results[1]).toMatchObject({ policy: 'read', set: 'base', file: 'base/a.yaml', line: 2, killedBy: 'b' });
  });

  test('without the other side, what admits more survives, with its place', async () => {
    const results = await mutantsOf(READ, '  - { name: a, request: { tool: { name: read } }, expect: allow }\n');
    expect(survivors(results)).toEqual(['read drop_condition when']);
    expect(results.find(({ fate }) => fate === 'survived')).toMatchObject({
      file: 'base/a.yaml',
      line: 2,
      what: 'the condition became "always"',
    });
  });

  test('a change that no case touches survives without being asked', async () => {
    const results = await mutantsOf(READ, '  - { name: a, request: { kind: session } }\n');
    expect(survivors(results)).toEqual(['read flip_effect effect', 'read negate_condition when', 'read remove_policy']);
  });

  test('on, and the scope of a policy and of its set', async () => {
    const manifest = manifestOf().replace('layer: platform', 'layer: tenant, tenant: acme');
    const policies = READ.replace('  when', '  on: [tool_call]\n  scope: { workspace: w }\n  when');
    const acme = 'tenant_id: acme, context: { workspace_id: w }, tool: { name: read }';
    const allowed = `  - { name: a, request: { ${acme} }, expect: allow }\n  - { name: b, request: { ${acme.replace('read', 'x')} } }\n`;
    expect(survivors(await mutantsOf(policies, allowed, manifest))).toEqual([
      'drop_scope tenant',
      'read drop_scope on',
      'read drop_scope scope.workspace',
    ]);
    const others = `  - { name: c, request: { ${acme.replace('acme', 'other')} } }
  - { name: d, request: { ${acme.replace(': w', ': v')} } }
  - { name: e, request: { kind: tool_list, ${acme} } }
`;
    expect(survivors(await mutantsOf(policies, allowed + others, manifest))).toEqual([]);
  });

  test('neighbours exchange priorities; where that changes nothing it does not count', async () => {
    const rule = (name: string, effect: string, priority: number, tool: string): string =>
      `- { name: ${name}, when: { field: tool.name, operator: starts_with, value: ${tool} }, effect: ${effect}, priority: ${priority} }\n`;
    const policies = rule('a', 'deny', 9, 'rm') + rule('b', 'allow', 5, 'r') + rule('c', 'allow', 1, 's');
    const results = await mutantsOf(policies, '  - { name: x, request: { tool: { name: rm } } }\n');
    expect(results.filter(({ kind }) => kind === 'swap_priority').map(({ what, fate }) => `${fate}: ${what}`)).toEqual([
      'killed: the priorities 9 and 5 of a and b were exchanged',
      'equivalent: the priorities 5 and 1 of b and c were exchanged',
    ]);
  });

  test('neighbours that never hold together may change places', async () => {
    const rule = (name: string, effect: string, priority: number, tool: string): string =>
      `- { name: ${name}, when: { field: tool.name, operator: equals, value: ${tool} }, effect: ${effect}, priority: ${priority} }\n`;
    const results = await mutantsOf(rule('a', 'deny', 9, 'x') + rule('b', 'allow', 5, 'y'), '  - { name: x }\n');
    expect(results.find(({ kind }) => kind === 'swap_priority')?.fate).toBe('equivalent');
  });

  test('the last rule of a bundle that allows by default: without it nothing is allowed', async () => {
    const policies =
      '- { name: a, when: { field: tool.name, operator: equals, value: rm }, effect: deny, priority: 1 }\n';
    const tests = '  - { name: x, request: { tool: { name: rm } } }\n';
    const byDefault = manifestOf('default: allow\n');
    expect((await mutantsOf(policies, tests, byDefault)).find(({ kind }) => kind === 'remove_policy')?.fate).toBe(
      'survived',
    );
    const second = policies + policies.replace('name: a', 'name: b').replace('value: rm', 'value: mv');
    const removal = (await mutantsOf(second, tests, byDefault)).find(
      ({ kind, policy }) => kind === 'remove_policy' && policy === 'a',
    );
    expect(removal?.fate).toBe('killed');
  });

  test('a quota: one more and one less than its limit', async () => {
    const policies = `- { name: allow, when: always, effect: allow, priority: 1 }
- { name: rate, type: rate_limit, action: deny, priority: 5, config: { max_requests: 10, window_seconds: 60 } }
`;
    const tests = (used: number, effect: string): string =>
      `  - { name: u${used}, readings: { rate: ${used} }, expect: ${effect} }\n`;
    const limits = async (text: string): Promise<readonly string[]> =>
      (await mutantsOf(policies, text))
        .filter(({ path }) => path === 'config.max_requests')
        .map(({ what, fate }) => `${what}: ${fate}`);
    expect(await limits(tests(10, 'deny'))).toEqual(['10 became 11: killed', '10 became 9: survived']);
    expect(await limits(tests(10, 'deny') + tests(9, 'allow'))).toEqual([
      '10 became 11: killed',
      '10 became 9: killed',
    ]);
    const window = tests(0, '{ effect: allow, quotas: [{ policy: rate, window_seconds: 60 }] }');
    const results = await mutantsOf(policies, window);
    expect(results.filter(({ path }) => path === 'config.window_seconds').map(({ fate }) => fate)).toEqual([
      'killed',
      'killed',
    ]);
  });

  test('the time is bounded: what was not run is not counted as noticed', async () => {
    const subject = await subjectOf({
      'bundle.yaml': manifestOf(),
      'base/a.yaml': READ,
      'tests/a.yaml': suiteOf('  - { name: a, request: { tool: { name: read } }, expect: allow }\n'),
    });
    let now = 0;
    const clock = { now: () => 0, monotonic: () => (now += 400) };
    const report = await runMutants([{ subject, cases: casesOf(subject) }], { ...OPTIONS, seconds: 1, clock });
    expect(report.results.map(({ fate }) => fate)).toEqual(['killed', 'not_run', 'not_run', 'not_run']);
    expect(report.score).toEqual({ covered: 1, total: 4 });
  });

  test('an interrupt ends it', async () => {
    const subject = await subjectOf({
      'bundle.yaml': manifestOf(),
      'base/a.yaml': READ,
      'tests/a.yaml': suiteOf('  - { name: a }\n'),
    });
    const stop = new AbortController();
    const onProgress = (): void => stop.abort();
    await expect(
      runMutants([{ subject, cases: casesOf(subject) }], { ...OPTIONS, signal: stop.signal, onProgress }),
    ).rejects.toMatchObject({ name: 'AbortError' });
  });
});

const MIXED = `- name: deny secrets
  when:
    operator: or
    conditions:
      - { field: tool.arguments.path, operator: starts_with, value: secret }
      - { field: tool.arguments.size, operator: greater_than, value: 10 }
  effect: deny
  priority: 90
- name: hold writes
  on: [tool_call]
  when:
    operator: and
    conditions:
      - { field: tool.name, operator: in, value: [write, move] }
      - { operator: not, conditions: [{ field: user.team, operator: equals, value: ops }] }
  effect: { type: require_approval }
  priority: 60
- name: log all
  when: always
  effect: log_only
  priority: 55
- name: allow files
  when: { field: tool.server, operator: equals, value: files }
  effect: allow
  priority: 50
- name: allow ops
  created_at: '2026-01-01T00:00:00Z'
  when: { field: user.team, operator: not_in, value: [dev, qa] }
  effect: allow
  priority: 50
`;

const FEW = `- name: deny moves
  when: { field: tool.name, operator: equals, value: move }
  effect: deny
  priority: 20
- name: allow all
  when: { field: tool.arguments.size, operator: less_than, value: 10 }
  effect: allow
  priority: 10
`;

describe('the short way and the long way agree', () => {
  test.each(['priority', 'first_match', 'deny_overrides'])(
    '%s',
    async (combining) => {
      const manifest = `${manifestOf('default: allow\n', combining)}  - { name: more, layer: tenant, tenant: acme, combining: deny_overrides, priority_order: asc, policies: more }\n`;
      const requests = ['read', 'write', 'move'].flatMap((name) =>
        ['secret', 'plain'].flatMap((path) =>
          ['ops', 'dev', undefined].flatMap((team) =>
            [5, 10, '"many"'].map((size) => {
              const user = team === undefined ? '' : `, user: { team: ${team} }`;
              return `{ tenant_id: acme, tool: { server: files, name: ${name}, arguments: { path: ${path}, size: ${size} } }${user} }`;
            }),
          ),
        ),
      );
      const draft = suiteOf(
        requests.map((request, index) => `  - { name: t${index}, request: ${request} }\n`).join(''),
      );
      const files = { 'bundle.yaml': manifest, 'base/a.yaml': MIXED, 'more/a.yaml': FEW, 'tests/a.yaml': draft };
      const subjects = await readSubjects(folderOf(files));
      if (!subjects.ok) throw new Error(subjects.problems.map(formatProblem).join('\n'));
      const subject = subjects.value[0] as Subject;
      // What the engine says now is what is expected; a third of the cases say no more than an effect.
      const cases = casesOf(subject).map((testCase, index): TestCase => {
        const verdict = verdictOf(subject.engine, testCase);
        const policies = [...new Set(verdict.matched.map(({ layer, policy }) => `${layer}/${policy}`))];
        return { ...testCase, expect: { effect: verdict.effect, ...(index % 3 === 0 ? { policies } : {}) } };
      });
      const { results } = await runMutants([{ subject, cases }], OPTIONS);

      const { document } = subject;
      const noticed = new Map<string, boolean>();
      for (const [setIndex, set] of document.sets.entries()) {
        for (const [index, source] of set.policies.entries()) {
          for (const { path, what, document: changed } of mutatePolicy(source.document)) {
            const policies =
              changed === undefined
                ? set.policies.toSpliced(index, 1)
                : set.policies.with(index, { ...source, document: changed });
            const compiled = compileDocument({ ...document, sets: document.sets.with(setIndex, { ...set, policies }) });
            if (!compiled.ok) continue;
            const engine = linkBundle(compiled.value);
            const differs = cases.some(
              (one) => compareVerdict(one.expect, verdictOf(engine, one), one.strict).length > 0,
            );
            const slug = (source.document as { readonly name: string }).name.replace(' ', '-');
            noticed.set(`${set.name} ${slug} ${path} ${what}`, differs);
          }
        }
      }
      const compared = results.filter(({ kind, policy }) => kind !== 'swap_priority' && policy !== '');
      expect(compared.map(({ set, policy, path, what }) => `${set} ${policy} ${path} ${what}`).sort()).toEqual(
        [...noticed.keys()].sort(),
      );
      for (const { set, policy, path, what, fate } of compared) {
        const key = `${set} ${policy} ${path} ${what}`;
        expect(`${key}: ${fate === 'killed'}`).toBe(`${key}: ${noticed.get(key)}`);
      }
      expect(compared.filter(({ fate }) => fate === 'killed').length).toBeGreaterThan(20);
      expect(compared.filter(({ fate }) => fate === 'survived').length).toBeGreaterThan(0);
    },
    60_000,
  );
});
