import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { formatProblem } from '@portcullis/policy/model';
import { folderOf, suiteOf } from './fake-folder.js';
import { readSuites } from './read-suites.js';
import type { TestCase } from './suite.js';

function casesOf(files: { readonly [path: string]: string }): readonly TestCase[] {
  const suites = readSuites(folderOf(files));
  if (!suites.ok) throw new Error(suites.problems.map(formatProblem).join('\n'));
  return suites.value.flatMap((suite) => suite.cases);
}

function problemsOf(files: { readonly [path: string]: string }): readonly string[] {
  const suites = readSuites(folderOf(files));
  return suites.ok ? [] : suites.problems.map(formatProblem);
}

const FIXTURES = `fixtures:
  principals:
    ann: { tenant_id: acme, agent: { id: bot }, user: { team: finance } }
    bob: { agent: { trust_level: 0.5 } }
  tools:
    read: { server: files, name: read, arguments: { path: a, deep: { x: 1, y: 2 } } }
  contexts:
    prod: { environment: prod }
    late: { timestamp: '2026-03-02T23:00:00Z' }
  requests:
    model: { request: { model: m } }
    web: { egress: { host: example.com } }
    peer: { peer: { agent_id: p } }
`;

describe('reading suites', () => {
  test('the example suite reads without a problem', () => {
    const text = readFileSync(join(import.meta.dirname, 'example-suite.yaml'), 'utf8');
    const cases = casesOf({ 'tests/files.yaml': text });
    expect(cases).toHaveLength(11);
    expect(cases.filter(({ skip }) => skip !== undefined)).toHaveLength(0);
  });

  test('a request has defaults, the frozen clock, and the source that its parts imply', () => {
    const [bare, model, web, peer, tool] = casesOf({
      'tests/a.yaml': suiteOf(
        `  - { name: bare }
  - { name: model, request: model }
  - { name: web, request: web }
  - { name: peer, request: peer }
  - { name: tool, tool: read }
`,
        FIXTURES,
      ),
    }).map(({ request }) => request);
    expect(bare).toEqual({
      version: '1.0',
      tenant_id: 'test-tenant',
      source: 'mcp_proxy',
      agent: { id: 'test-agent' },
      context: { timestamp: '2026-03-02T12:00:00Z', request_id: '00000000-0000-4000-8000-000000000000' },
    });
    expect([model, web, peer, tool].map((request) => request?.source)).toEqual([
      'llm_proxy',
      'egress_proxy',
      'a2a_proxy',
      'mcp_proxy',
    ]);
  });

  test('later parts go over earlier ones, member by member', () => {
    const [testCase] = casesOf({
      'tests/a.yaml': suiteOf(
        `  - name: all
    principal: bob
    tool: read
    context: late
    now: 2026-05-05T05:05:05Z
    request: { source: sdk, tool: { arguments: { deep: { y: 3 } } }, context: { request_id: r } }
    approved: [platform/base/x]
    facts: { sinks: [payment] }
`,
        FIXTURES,
      ),
    });
    expect(testCase?.request).toEqual({
      version: '1.0',
      tenant_id: 'test-tenant',
      source: 'sdk',
      agent: { id: 'test-agent', trust_level: 0.5 },
      tool: { server: 'files', name: 'read', arguments: { path: 'a', deep: { x: 1, y: 3 } } },
      context: {
        timestamp: '2026-03-02T23:00:00Z',
        request_id: 'r',
        approval: { granted: ['platform/base/x'] },
      },
      facts: { sinks: ['payment'] },
    });
  });

  test('a test may have a clock of its own', () => {
    const [testCase] = casesOf({ 'tests/a.yaml': suiteOf('  - { name: x, now: 2026-05-05T05:05:05+02:00 }\n') });
    expect(testCase?.request.context.timestamp).toBe('2026-05-05T05:05:05+02:00');
  });

  test('a matrix is every combination; no row means a denial', () => {
    const cases = casesOf({
      'tests/a.yaml': suiteOf(
        `  - name: m
    matrix: { principals: [ann, bob], contexts: [prod, late], requests: [model, web] }
    expect:
      - { principal: ann, context: [prod, late], request: model, effect: allow }
      - { principal: bob, request: web, reason_code: X }
`,
        FIXTURES,
      ),
    });
    expect(cases.map(({ combination, expect }) => [...Object.values(combination), expect.effect])).toEqual([
      ['model', 'ann', 'prod', 'allow'],
      ['model', 'ann', 'late', 'allow'],
      ['model', 'bob', 'prod', 'deny'],
      ['model', 'bob', 'late', 'deny'],
      ['web', 'ann', 'prod', 'deny'],
      ['web', 'ann', 'late', 'deny'],
      ['web', 'bob', 'prod', 'deny'],
      ['web', 'bob', 'late', 'deny'],
    ]);
    expect(cases.filter(({ expect }) => expect.reason_code === 'X')).toHaveLength(2);
  });

  test.each([
    ['nothing', '', { effect: 'deny' }],
    ['an effect', ', expect: hold', { effect: 'hold' }],
    ['details without an effect', ', expect: { policies: [] }', { effect: 'deny', policies: [] }],
    [
      'details',
      ', expect: { effect: allow, conditions: [{ type: redact }] }',
      { effect: 'allow', conditions: [{ type: 'redact' }] },
    ],
  ])('expects what is written: %s', (_name, written, expected) => {
    const [testCase] = casesOf({ 'tests/a.yaml': suiteOf(`  - { name: x${written} }\n`) });
    expect(testCase?.expect).toEqual(expected);
  });

  test('shared fixtures serve every suite, and a suite has the last word', () => {
    const shared =
      'format: portcullis.tests/1\nprincipals: { ann: { user: { team: a } }, bob: { user: { team: b } } }\n';
    const own = 'fixtures: { principals: { bob: { user: { team: mine } } } }\n';
    const cases = casesOf({
      'tests/fixtures/people.yml': shared,
      'tests/deep/a.json': JSON.stringify({
        format: 'portcullis.tests/1',
        suite: 'json',
        now: '2026-01-01T00:00:00Z',
        tests: [{ name: 'x', principal: 'ann' }],
      }),
      'tests/b.yaml': suiteOf('  - { name: x, principal: bob }\n', own),
      'base/not-a-suite.yaml': '{',
      'tests/README.md': 'no suite',
    });
    expect(cases.map(({ suite, request }) => [suite, request.user?.team])).toEqual([
      ['demo', 'mine'],
      ['json', 'a'],
    ]);
  });

  test('a skipped test says why', () => {
    const [testCase] = casesOf({ 'tests/a.yaml': suiteOf('  - { name: x, skip: true, skip_reason: later }\n') });
    expect(testCase?.skip).toBe('later');
  });
});

describe('problems of suites', () => {
  const inTest = (text: string, fixtures = FIXTURES): { readonly [path: string]: string } => ({
    'tests/a.yaml': suiteOf(`  - ${text}\n`, fixtures),
  });

  test.each<[string, { readonly [path: string]: string }, readonly string[]]>([
    [
      'not YAML',
      { 'tests/a.yaml': 'a: [' },
      [expect.stringMatching(/^tests\/a\.yaml:1:\d+: .*\(ERR_POLICY_SYNTAX\)$/) as unknown as string],
    ],
    [
      'a key of the suite',
      {
        'tests/a.yaml':
          'format: portcullis.tests/1\nsuit: x\nsuite: x\nnow: 2026-01-01T00:00:00Z\ntests: [{name: x}]\n',
      },
      ['tests/a.yaml:2:1 suit: unknown key "suit"; did you mean "suite"? (ERR_TESTS_KEY_UNKNOWN)'],
    ],
    [
      'what is missing',
      { 'tests/a.yaml': 'format: portcullis.tests/1\n' },
      [
        'tests/a.yaml:1:1 now: now is missing (ERR_TESTS_SHAPE)',
        'tests/a.yaml:1:1 suite: suite is missing (ERR_TESTS_SHAPE)',
        'tests/a.yaml:1:1 tests: tests is missing (ERR_TESTS_SHAPE)',
      ],
    ],
    [
      'another format',
      { 'tests/a.yaml': suiteOf('  - { name: x }\n').replace('tests/1', 'tests/2') },
      ['tests/a.yaml:1:9 format: invalid input: expected "portcullis.tests/1" (ERR_TESTS_SHAPE)'],
    ],
    [
      'a clock that is none',
      { 'tests/a.yaml': suiteOf('  - { name: x }\n').replace('T12:00:00Z', '') },
      ['tests/a.yaml:3:6 now: expected an RFC 3339 time such as 2026-01-01T09:00:00Z (ERR_TESTS_SHAPE)'],
    ],
    [
      'a key of a test, and one inside it',
      inTest('{ name: x, expekt: allow, facts: { histori: [] }, matrix: { tool: [read] } }', ''),
      [
        'tests/a.yaml:5:16 tests[0].expekt: unknown key "expekt"; did you mean "expect"? (ERR_TESTS_KEY_UNKNOWN)',
        'tests/a.yaml:5:40 tests[0].facts.histori: unknown key "histori"; did you mean "history"? (ERR_TESTS_KEY_UNKNOWN)',
        'tests/a.yaml:5:65 tests[0].matrix.tool: unknown key "tool"; did you mean "tools"? (ERR_TESTS_KEY_UNKNOWN)',
      ],
    ],
    [
      'a key of an expectation',
      inTest('{ name: x, expect: { efect: allow } }', ''),
      ['tests/a.yaml:5:26 tests[0].expect.efect: unknown key "efect"; did you mean "effect"? (ERR_TESTS_KEY_UNKNOWN)'],
    ],
    [
      'an outcome',
      inTest('{ name: x, expect: alow }', ''),
      [
        'tests/a.yaml:5:24 tests[0].expect: there is no outcome "alow" (it is one of allow, deny, hold); did you mean "allow"? (ERR_TESTS_SHAPE)',
      ],
    ],
    [
      'an allow with a reason',
      inTest('{ name: x, expect: { effect: allow, code: POLICY_DENIED } }', ''),
      [
        'tests/a.yaml:5:41 tests[0].expect.code: an allow has no reasons, so "code: POLICY_DENIED" can never be met (ERR_TESTS_EXPECTATION)',
      ],
    ],
    [
      'a table without a matrix',
      inTest('{ name: x, expect: [{ effect: allow }] }', ''),
      ['tests/a.yaml:5:24 tests[0].expect: a table of expectations needs a matrix (ERR_TESTS_EXPECTATION)'],
    ],
    [
      'an unknown fixture',
      inTest('{ name: x, principal: anm, matrix: { tools: [read, raed] } }'),
      [
        'tests/a.yaml:18:27 tests[0].principal: there is no principal "anm" among the fixtures; did you mean "ann"? (ERR_TESTS_NAME_UNKNOWN)',
        'tests/a.yaml:18:56 tests[0].matrix.tools[1]: there is no tool "raed" among the fixtures; did you mean "read"? (ERR_TESTS_NAME_UNKNOWN)',
      ],
    ],
    [
      'an axis given twice',
      inTest('{ name: x, principal: ann, matrix: { principals: [bob, bob] } }'),
      [
        'tests/a.yaml:18:16 tests[0].principal: principal is given once for all and in the matrix; leave one of them out (ERR_TESTS_SHAPE)',
        'tests/a.yaml:18:60 tests[0].matrix.principals[1]: "bob" is in the list twice (ERR_TESTS_NAME_DUPLICATE)',
      ],
    ],
    [
      'an empty matrix',
      inTest('{ name: x, matrix: {} }'),
      [
        'tests/a.yaml:18:24 tests[0].matrix: a matrix has at least one of principals, tools, contexts and requests (ERR_TESTS_SHAPE)',
      ],
    ],
    [
      'rows that clash, that fit nothing, that name nothing',
      inTest(`name: x
    matrix: { principals: [ann, bob] }
    expect:
      - { principal: ann, effect: allow }
      - { effect: hold }
      - { tool: read, effect: allow }`),
      ['tests/a.yaml:23:17 tests[0].expect[2].tool: the matrix has no tool "read" (ERR_TESTS_NAME_UNKNOWN)'],
    ],
    [
      'rows that clash',
      inTest(`name: x
    matrix: { principals: [ann, bob] }
    expect:
      - { principal: ann, effect: allow }
      - { effect: hold }`),
      [
        'tests/a.yaml:22:9 tests[0].expect[1]: this row and the one at line 21 both speak of ann; a combination has one expectation (ERR_TESTS_EXPECTATION)',
      ],
    ],
    [
      'a skip without a reason, and a reason without a skip',
      { 'tests/a.yaml': suiteOf('  - { name: x, skip: true }\n  - { name: y, skip_reason: later }\n') },
      [
        'tests/a.yaml:5:22 tests[0].skip: a test that is skipped says why: skip_reason is missing (ERR_TESTS_SHAPE)',
        'tests/a.yaml:6:16 tests[1].skip_reason: skip_reason without "skip: true": the test would run (ERR_TESTS_SHAPE)',
      ],
    ],
    [
      'names that are taken',
      {
        'tests/a.yaml': suiteOf('  - { name: x }\n  - { name: x }\n'),
        'tests/b.yaml': suiteOf('  - { name: x }\n'),
        'tests/fixtures/a.yaml': 'format: portcullis.tests/1\ntools: { t: {} }\n',
        'tests/fixtures/b.yaml': 'format: portcullis.tests/1\ntools: { t: {} }\n',
      },
      [
        'tests/a.yaml:6:13 tests[1].name: the test at line 5 is called "x" too (ERR_TESTS_NAME_DUPLICATE)',
        'tests/b.yaml:2:8 suite: tests/a.yaml has a suite "demo" too (ERR_TESTS_NAME_DUPLICATE)',
        'tests/fixtures/b.yaml:2:10 tools.t: another tool "t" is in tests/fixtures/a.yaml (ERR_TESTS_NAME_DUPLICATE)',
      ],
    ],
    [
      'a part of a request, where it is written, once for all its cases',
      {
        'tests/fixtures/a.yaml': 'format: portcullis.tests/1\ntools:\n  t: { serve: x }\n',
        'tests/a.yaml': suiteOf(
          '  - { name: x, matrix: { tools: [t] } }\n  - { name: y, tool: t, request: { context: { environment: prd } } }\n',
        ),
      },
      [
        'tests/a.yaml:6:60 tests[1].request.context.environment: context.environment: expected one of dev, staging, prod, found "prd"; did you mean "prod"? (ERR_TESTS_REQUEST)',
        'tests/fixtures/a.yaml:3:8 tools.t.serve: tool.serve: unknown member "serve"; did you mean "server"? (ERR_TESTS_REQUEST)',
      ],
    ],
    [
      'a request that is neither a part nor a name',
      inTest('{ name: x, request: [1] }', ''),
      [
        'tests/a.yaml:5:25 tests[0].request: expected a part of a canonical request, or the name of a request of the fixtures (ERR_TESTS_SHAPE)',
      ],
    ],
    [
      "a fixture's name, and a reading",
      { 'tests/a.yaml': suiteOf('  - { name: x, readings: { q: lots } }\n', 'fixtures: { tools: { "a b": {} } }\n') },
      ['tests/a.yaml:4:22 fixtures.tools.a b: expected a name of letters, digits, _ and - (ERR_TESTS_SHAPE)'],
    ],
    [
      'a reading',
      inTest('{ name: x, readings: { q: lots } }', ''),
      [
        'tests/a.yaml:5:31 tests[0].readings.q: expected what has been used (a number), {used, frees_at}, or "unknown" (ERR_TESTS_SHAPE)',
      ],
    ],
  ])('%s', (_name, files, expected) => {
    expect(problemsOf(files)).toEqual(expected);
  });

  test('a matrix that would fill the memory is refused by its size', () => {
    const names = Array.from({ length: 400 }, (_, index) => `n${index}`);
    const fixtures = (key: string, value: string): string =>
      `  ${key}: {${names.map((name) => `${name}: ${value}`).join(', ')}}\n`;
    const files = {
      'tests/a.yaml': suiteOf(
        `  - { name: x, matrix: { principals: [${names.join()}], tools: [${names.join()}], contexts: [${names.join()}] } }\n`,
        `fixtures:\n${fixtures('principals', '{}')}${fixtures('tools', '{}')}${fixtures('contexts', '{}')}`,
      ),
    };
    expect(problemsOf(files)).toEqual([
      expect.stringMatching(/tests\[0\]\.matrix: the matrix has \d+ combinations; at most 100000/),
    ]);
  });
});
