import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { builtInPacksFolder, compileBundle } from '@portcullis/policy';
import { formatProblem, type Problem } from '@portcullis/policy/model';
import { readSource } from '../bundle/read-source.js';
import { runSuites, type SuiteResult } from '../testing/run-suites.js';
import { readSubjects, type Subject } from '../testing/subject.js';
import { caseName } from '../testing/suite.js';

const FOLDER = fileURLToPath(builtInPacksFolder());
const NAMES = readdirSync(FOLDER).toSorted();

function shown(problems: readonly Problem[]): readonly string[] {
  return problems.map(formatProblem);
}

async function subjectsOf(name: string): Promise<readonly Subject[]> {
  const subjects = await readSubjects(await readSource(`${FOLDER}${name}`));
  if (subjects.ok) return subjects.value;
  throw new Error(shown(subjects.problems).join('\n'));
}

/** What went otherwise than a pack's own tests say. */
function failuresOf(suites: readonly SuiteResult[]): readonly unknown[] {
  return suites.flatMap(({ name, results }) =>
    results.flatMap((result) =>
      result.status === 'failed'
        ? [{ suite: name, test: caseName(result.testCase), differences: result.differences }]
        : [],
    ),
  );
}

describe.each(NAMES)('the pack %s', (name) => {
  test('passes its own tests, of which some matches each of its policies', async () => {
    const subjects = await subjectsOf(name);
    const { suites, tally } = runSuites(subjects, { failFast: false });
    expect(failuresOf(suites)).toEqual([]);
    expect(tally.passed).toBeGreaterThan(0);
    const slugs = new Set(
      subjects.flatMap(({ compiled }) => compiled.sets.flatMap(({ rules }) => rules.map((r) => r.id))),
    );
    const matched = new Set(
      suites.flatMap(({ results }) =>
        results.flatMap((result) => (result.status === 'skipped' ? [] : result.verdict.matched.map((m) => m.policy))),
      ),
    );
    expect([...slugs].filter((slug) => !matched.has(slug))).toEqual([]);
  });

  test('compiles with its defaults, and every policy names the clauses that it serves', async () => {
    const compiled = compileBundle(await lonePack(name));
    expect(compiled.ok ? [] : shown(compiled.problems)).toEqual([]);
    if (!compiled.ok) return;
    const rules = compiled.value.sets.flatMap((set) => set.rules);
    expect(rules.length).toBeGreaterThan(0);
    expect(compiled.value.sets.map((set) => set.pack)).toEqual([expect.stringMatching(new RegExp(`^${name}@`))]);
    expect(rules.filter((rule) => rule.frameworks.length === 0).map((rule) => rule.id)).toEqual([]);
  });

  test('has a README of a page', async () => {
    const readme = (await readSource(`${FOLDER}${name}`)).get('README.md');
    const text = new TextDecoder().decode(readme);
    expect(text.startsWith(`# ${name}\n`)).toBe(true);
    expect(text.split('\n').length).toBeLessThan(60);
  });
});

describe('all packs', () => {
  test('are the ones that the documentation speaks of', () => {
    expect(NAMES).toEqual([
      'agent-flow',
      'agent-to-agent',
      'base',
      'databases',
      'default-rate-limit',
      'egress-baseline',
      'filesystem',
      'finance-external-llm',
      'gdpr',
      'hipaa',
      'intent-risk',
      'mcp-integrity',
      'messaging',
      'model-allowlist-by-team',
      'payments',
      'pii-output-guard',
      'pii-redaction',
      'premium-model-approval',
      'shell-and-code',
      'sox',
      'time-of-day',
      'token-budget-per-user',
    ]);
  });

  test('compile together', async () => {
    const source = new Map<string, Uint8Array>();
    const sets: object[] = [];
    for (const name of NAMES) {
      sets.push({ name, layer: 'platform', pack: `packs/${name}` });
      for (const [file, bytes] of await readSource(`${FOLDER}${name}`)) source.set(`packs/${name}/${file}`, bytes);
    }
    const bundle = { format: 'portcullis.policy/1', name: 'all', version: '1.0.0', sets };
    source.set('bundle.yaml', new TextEncoder().encode(JSON.stringify(bundle)));
    const compiled = compileBundle(source);
    expect(compiled.ok ? [] : shown(compiled.problems)).toEqual([]);
    expect(compiled.ok ? compiled.value.sets.map((set) => set.name).toSorted() : []).toEqual(NAMES);
  });
});

/** A bundle of one pack; what other packs it requires is not looked at. */
async function lonePack(name: string): Promise<ReadonlyMap<string, Uint8Array>> {
  const source = new Map<string, Uint8Array>();
  for (const [file, bytes] of await readSource(`${FOLDER}${name}`)) source.set(`pack/${file}`, bytes);
  const sets = [{ name, layer: 'platform', pack: 'pack' }];
  const bundle = { format: 'portcullis.policy/1', name, version: '1.0.0', sets };
  source.set('bundle.yaml', new TextEncoder().encode(JSON.stringify(bundle)));
  return source;
}
