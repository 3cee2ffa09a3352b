import { writeFile } from 'node:fs/promises';
import { describe, expect, test } from '@jest/globals';
import type { LintFinding } from '@portcullis/policy/analysis';
import type { Json } from '@portcullis/policy/model';
import { parseCanonicalRequest } from '@portcullis/proto';
import { type CliRun, runForTest } from '../fake-terminal.js';
import { BAD, GOOD, inFolder, MANIFEST, NEVER, READS, TESTS } from '../sample-policies.js';

describe('portcullis lint', () => {
  test('says nothing of good policies', () =>
    inFolder(GOOD, async (at) => {
      const run = await runForTest(['lint', at('p'), '--deny-warnings']);
      expect(run).toEqual({ code: 0, stdout: '', stderr: `${at('p')}: 1 policy, 0 errors, 0 warnings, 0 info\n` });
    }));

  test('prints findings that an editor can open, what to do, and exits with 7 when there is an error', () =>
    inFolder(BAD, async (at) => {
      const run = await runForTest(['lint', at('p')]);
      expect(run.code).toBe(7);
      expect(run.stdout).toContain(
        `${at('p/base/never.yaml')}:3:3 error: the condition of "Never" can never hold (LINT_UNSATISFIABLE)\n  Take out`,
      );
      expect(run.stdout).toContain(
        `${at('p/base/never.yaml')}:1:1 warning: no test makes "Never" speak (LINT_UNTESTED)`,
      );
      expect(run.stderr).toContain('2 policies, 1 error, 1 warning, 0 info');
    }));

  test('warnings are no error unless that is asked for', () =>
    inFolder(
      {
        ...GOOD,
        'p/tests/all.yaml': TESTS.replace(/tests:.*/s, 'tests: [{ name: x, request: { kind: session } }]\n'),
      },
      async (at) => {
        expect((await runForTest(['lint', at('p')])).code).toBe(0);
        expect((await runForTest(['lint', at('p'), '--deny-warnings'])).code).toBe(7);
      },
    ));

  test('JSON has the findings with their places and confirmed requests', () =>
    inFolder(
      {
        ...GOOD,
        'p/base/reads.yaml': READS.replace(
          'tool.name, operator: equals, value: read_file',
          'context.environment, operator: equals, value: dev',
        ),
      },
      async (at) => {
        const run = await runForTest(['lint', at('p'), '--json']);
        const { findings } = JSON.parse(run.stdout) as { findings: readonly LintFinding[] };
        const broad = findings.find(({ code }) => code === 'LINT_ALLOW_BROAD');
        expect(broad).toMatchObject({
          file: at('p/base/reads.yaml'),
          line: 2,
          column: 7,
          path: 'when',
          policy: 'reads',
        });
        expect(parseCanonicalRequest(broad?.witness as unknown as Json)).toMatchObject({ ok: true });
      },
    ));

  test('GitHub gets a command for each finding', () =>
    inFolder(BAD, async (at) => {
      const { stdout } = await runForTest(['lint', at('p'), '--format', 'github']);
      const [first, second] = stdout.trim().split('\n');
      expect(first).toMatch(/^::warning file=[^,]+never\.yaml,line=1,col=1,title=LINT_UNTESTED::no test makes/);
      expect(second).toMatch(/^::error file=[^,]+never\.yaml,line=3,col=3,title=LINT_UNSATISFIABLE::the condition/);
    }));

  test('SARIF has what its schema requires, and exceptions as suppressions', () =>
    inFolder(
      { ...BAD, 'p/bundle.yaml': `${MANIFEST}lint: { ignore: [{ code: LINT_UNTESTED, reason: Soon }] }\n` },
      async (at) => {
        const { stdout } = await runForTest(['lint', at('p'), '--format', 'sarif']);
        const log = JSON.parse(stdout) as SarifLog;
        expect(log.version).toBe('2.1.0');
        expect(log.runs).toHaveLength(1);
        const [run] = log.runs;
        expect(run?.tool.driver.name).toBe('portcullis');
        const ids = run?.tool.driver.rules.map(({ id }) => id) ?? [];
        expect(new Set(ids).size).toBe(ids.length);
        expect(run?.results).toHaveLength(2);
        for (const result of run?.results ?? []) {
          expect(ids[result.ruleIndex]).toBe(result.ruleId);
          expect(['none', 'note', 'warning', 'error']).toContain(result.level);
          expect(result.message.text.length).toBeGreaterThan(0);
          const [location] = result.locations;
          expect(location?.physicalLocation.artifactLocation.uri).toMatch(/^[^\\ ]+never\.yaml$/);
          expect(location?.physicalLocation.region.startLine).toBeGreaterThanOrEqual(1);
          expect(location?.physicalLocation.region.startColumn).toBeGreaterThanOrEqual(1);
        }
        expect(run?.results.map(({ suppressions }) => suppressions?.[0])).toEqual([
          undefined,
          { kind: 'external', status: 'accepted', justification: 'Soon' },
        ]);
      },
    ));

  test('an exception needs a reason, is for one policy when it names one, and is told when it is of no use', () =>
    inFolder(BAD, async (at) => {
      const withIgnore = async (ignore: string): Promise<CliRun> => {
        await writeFile(at('p/bundle.yaml'), `${MANIFEST}lint:\n  ignore:\n    - ${ignore}\n`);
        return runForTest(['lint', at('p')]);
      };
      expect((await withIgnore('{ code: LINT_UNSATISFIABLE }')).code).toBe(3);
      expect((await withIgnore('{ code: LINT_NO, reason: x }')).code).toBe(3);
      const kept = await withIgnore('{ code: LINT_UNSATISFIABLE, policy: reads, reason: x }');
      expect(kept.code).toBe(7);
      expect(kept.stdout).toMatch(
        /bundle\.yaml:8:1 info: nothing has the finding LINT_UNSATISFIABLE of reads any more/,
      );
      const ignored = await withIgnore('{ code: LINT_UNSATISFIABLE, policy: never, reason: x }');
      expect(ignored.code).toBe(0);
      expect(ignored.stderr).toContain('1 ignored');
    }));

  test('a bundle is linted without its tests; invalid policies are problems', () =>
    inFolder(BAD, async (at) => {
      await runForTest(['build', at('p'), '-o', at('b.tar.gz')]);
      const run = await runForTest(['lint', at('b.tar.gz')]);
      expect(run.code).toBe(7);
      expect(run.stdout).toContain('base/never.yaml:1');
      expect(run.stdout).not.toContain('LINT_UNTESTED');
      await writeFile(at('p/base/never.yaml'), NEVER.replace('user.team', 'user.taem'));
      expect(await runForTest(['lint', at('p')])).toMatchObject({
        code: 3,
        stderr: expect.stringContaining('did you mean "user.team"'),
      });
    }));

  test('what is not there is a failure, an unknown format a wrong command line', async () => {
    expect(await runForTest(['lint', '/nowhere'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('/nowhere does not exist'),
    });
    expect((await runForTest(['lint', '.', '--format', 'xml'])).code).toBe(2);
  });
});

interface SarifLog {
  readonly version: string;
  readonly runs: readonly {
    readonly tool: { readonly driver: { readonly name: string; readonly rules: readonly { readonly id: string }[] } };
    readonly results: readonly {
      readonly ruleId: string;
      readonly ruleIndex: number;
      readonly level: string;
      readonly message: { readonly text: string };
      readonly suppressions?: readonly unknown[];
      readonly locations: readonly {
        readonly physicalLocation: {
          readonly artifactLocation: { readonly uri: string };
          readonly region: { readonly startLine: number; readonly startColumn: number };
        };
      }[];
    }[];
  }[];
}
