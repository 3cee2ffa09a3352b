import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { compileBundle } from '../../engine/compile.js';
import type { CompiledBundle } from '../../engine/ir.js';
import { linkBundle } from '../../engine/link.js';
import type { Json } from '../../model/request.js';
import { generatedCondition, generatedRequest } from '../testing/generated-conditions.js';
import type { LintFinding } from './finding.js';
import { lintBundle } from './lint-bundle.js';

const RUNS = 120;
const bytes = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

function compile(sets: readonly { readonly combining: string; readonly policies: readonly Json[] }[]): CompiledBundle {
  const manifest = {
    format: 'portcullis.policy/1',
    name: 'sample',
    version: '1.0.0',
    sets: sets.map(({ combining }, index) => ({
      name: `s${index}`,
      layer: 'tenant',
      combining,
      priority_order: 'desc',
      policies: `s${index}`,
    })),
  };
  const files = sets.map(({ policies }, index): [string, Uint8Array] => {
    const named = policies.map((policy, at) => ({ name: `p${index}-${at}`, ...(policy as object) }));
    return [`s${index}/p.yaml`, bytes(named)];
  });
  const compiled = compileBundle(new Map([['bundle.yaml', bytes(manifest)], ...files]));
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.problems));
  return compiled.value;
}

const policy = fc.record({
  when: fc.oneof({ weight: 9, arbitrary: generatedCondition }, { weight: 1, arbitrary: fc.constant<Json>('always') }),
  effect: fc.constantFrom('allow', 'deny', 'log_only', 'require_approval', 'redact', 'escalate'),
  priority: fc.constantFrom(10, 50),
});
const set = fc.record({
  combining: fc.constantFrom('priority', 'first_match', 'deny_overrides'),
  policies: fc.array(policy, { minLength: 1, maxLength: 6 }),
});

const SILENT: ReadonlySet<string> = new Set(['LINT_SHADOWED', 'LINT_UNREACHABLE', 'LINT_CONTRADICTORY']);

describe('lint', () => {
  test('never says of a policy that some request contradicts it, and its witnesses are what they are said to be', () => {
    const counts = new Map<string, number>();
    fc.assert(
      fc.property(
        fc.array(set, { minLength: 1, maxLength: 2 }),
        fc.array(generatedRequest, { minLength: 40, maxLength: 40 }),
        (sets, requests) => {
          const bundle = compile(sets);
          const engine = linkBundle(bundle);
          const { findings } = lintBundle(bundle);
          const witnesses = findings.flatMap(({ witness }) => (witness === undefined ? [] : [witness]));
          for (const { code } of findings) counts.set(code, (counts.get(code) ?? 0) + 1);
          for (const request of [...requests, ...witnesses]) {
            const { verdict, sets: explained } = engine.explain(request);
            const rules = explained.flatMap((one) => one.rules.map((rule) => ({ ...rule, set: one.set })));
            const ruleOf = (finding: LintFinding) =>
              rules.find((rule) => rule.policy === finding.policy && rule.set === finding.set);
            for (const finding of findings) {
              const rule = ruleOf(finding);
              if (SILENT.has(finding.code)) expect(['decided', 'recorded']).not.toContain(rule?.role);
              if (finding.code === 'LINT_UNSATISFIABLE') expect(rule?.outcome).not.toBe('matched');
              if (finding.code === 'LINT_OVERRULED')
                expect(rule?.role === 'decided' && verdict.effect === 'allow').toBe(false);
            }
          }
          for (const finding of findings) {
            if (finding.witness === undefined) continue;
            const { rules = [] } = engine.explain(finding.witness).sets.find((one) => one.set === finding.set) ?? {};
            const rule = rules.find((one) => one.policy === finding.policy);
            expect(rule?.outcome).toBe('matched');
            if (finding.code === 'LINT_OVERRULED') expect(engine.evaluate(finding.witness).effect).not.toBe('allow');
          }
        },
      ),
      { numRuns: RUNS },
    );
    // A lint that claims nothing would pass the above.
    expect([...SILENT].reduce((sum, code) => sum + (counts.get(code) ?? 0), 0)).toBeGreaterThan(RUNS / 10);
  }, 240_000);
});
