import { describe, expect, test } from '@jest/globals';
import { junitReport } from './report-junit.js';
import type { CaseResult } from './run-suites.js';
import type { TestCase } from './suite.js';

const CASE: TestCase = {
  suite: 'a <b> & "c"',
  test: 'it\'s <odd> & "quoted" ]]> \u0000\u0007 😀',
  combination: { tool: 'x' },
  request: {
    version: '1.0',
    tenant_id: 't',
    source: 'sdk',
    agent: { id: 'a' },
    context: { timestamp: '2026-01-01T00:00:00Z', request_id: 'r' },
  },
  readings: {},
  approved: [],
  expect: {},
  strict: false,
  file: 'tests/a.yaml',
  line: 7,
};
const VERDICT = {
  effect: 'allow',
  deny: [],
  conditions: [],
  obligations: [],
  matched: [],
  errors: [],
  guards: [],
} as const;

describe('the JUnit report', () => {
  test('says everything as XML can say it', () => {
    const results: readonly CaseResult[] = [
      { status: 'passed', testCase: CASE, verdict: VERDICT },
      { status: 'skipped', testCase: CASE, reason: 'later ]]> <x>' },
      {
        status: 'failed',
        testCase: CASE,
        verdict: VERDICT,
        differences: [
          { what: 'effect', expected: 'deny', found: 'allow' },
          { what: 'policies', expected: ['<a>]]>'], found: [] },
        ],
        explanation: { policyVersion: '1.0.0', verdict: VERDICT, summary: '', sets: [] },
      },
    ];
    const run = {
      suites: [{ name: CASE.suite, file: 'tests/a.yaml', results }],
      tally: { total: 3, passed: 1, failed: 1, skipped: 1, notRun: 0 },
    };
    const name = "it's &lt;odd> &amp; &quot;quoted&quot; ]]> \uFFFD\uFFFD 😀 [x]";
    const head = `classname="a &lt;b> &amp; &quot;c&quot;" name="${name}" file="tests/a.yaml:7"`;
    expect(junitReport(run)).toBe(`<?xml version="1.0" encoding="UTF-8"?>
<testsuites tests="3" failures="1" errors="0" skipped="1">
  <testsuite name="a &lt;b> &amp; &quot;c&quot;" tests="3" failures="1" errors="0" skipped="1">
    <testcase ${head}/>
    <testcase ${head}>
      <skipped/>
      <system-out><![CDATA[later ]]]]><![CDATA[> <x>]]></system-out>
    </testcase>
    <testcase ${head}>
      <failure message="effect: expected &quot;deny&quot;, found &quot;allow&quot;" type="expectation"><![CDATA[effect: expected "deny", found "allow"
policies: expected ["<a>]]]]><![CDATA[>"], found []]]></failure>
    </testcase>
  </testsuite>
</testsuites>`);
  });
});
