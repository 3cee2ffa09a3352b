import { describe, expect, test } from '@jest/globals';
import { compileBundle } from '../../engine/compile.js';
import type { Combining } from '../../engine/ir.js';
import { linkBundle } from '../../engine/link.js';
import type { Json } from '../../model/request.js';
import { type LintReport, lintBundle } from './lint-bundle.js';
import { LINT_CODES, type LintCode } from './rules.js';

interface Sample {
  readonly name: string;
  readonly when: Json;
  readonly effect: Json;
  readonly priority?: number;
  readonly on?: readonly string[];
  readonly scope?: Json;
}

const bytes = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

function bundleOf(
  sets: Readonly<Record<string, readonly Sample[]>>,
  { combining = 'priority', fallback = 'deny' }: { combining?: Combining; fallback?: string } = {},
): ReturnType<typeof compileBundle> {
  const manifest = {
    format: 'portcullis.policy/1',
    name: 'sample',
    version: '1.0.0',
    default: fallback,
    sets: Object.keys(sets).map((name, index) => ({
      name,
      layer: index === 0 ? 'platform' : 'tenant',
      combining,
      priority_order: 'desc',
      policies: name,
    })),
  };
  const files = Object.entries(sets).map(([name, policies]): [string, Uint8Array] => [
    `${name}/policies.yaml`,
    bytes(policies.map((policy) => ({ priority: 50, ...policy }))),
  ]);
  return compileBundle(new Map([['bundle.yaml', bytes(manifest)], ...files]));
}

function lint(...given: Parameters<typeof bundleOf>): LintReport {
  const compiled = bundleOf(...given);
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.problems));
  return lintBundle(compiled.value);
}

const codes = (report: LintReport): readonly string[] =>
  report.findings.map(({ code, policy }) => `${code} ${policy ?? ''}`.trim());
const leaf = (field: string, operator: string, value: Json): Json => ({ field, operator, value });
const and = (...conditions: readonly Json[]): Json => ({ operator: 'and', conditions });
const or = (...conditions: readonly Json[]): Json => ({ operator: 'or', conditions });
const not = (one: Json): Json => ({ operator: 'not', conditions: [one] });
const team = (name: string): Json => leaf('user.team', 'equals', name);
const allow = (name: string, when: Json, more: Partial<Sample> = {}): Sample => ({
  name,
  when,
  effect: 'allow',
  ...more,
});
const deny = (name: string, when: Json, more: Partial<Sample> = {}): Sample => ({
  name,
  when,
  effect: 'deny',
  ...more,
});

interface Row {
  readonly name: string;
  readonly sets: Readonly<Record<string, readonly Sample[]>>;
  readonly combining?: Combining;
  readonly fallback?: string;
  readonly found: readonly string[];
}

describe('lint', () => {
  test.each<Row>([
    { name: 'nothing', sets: { s: [allow('a', team('x')), deny('d', team('y'))] }, found: [] },
    // LINT_UNSATISFIABLE
    {
      name: 'a condition that contradicts itself',
      sets: { s: [deny('d', and(team('x'), team('y')))] },
      found: ['LINT_UNSATISFIABLE d'],
    },
    {
      name: 'a condition that contradicts on',
      sets: { s: [deny('d', leaf('kind', 'equals', 'egress'), { on: ['inference'] })] },
      found: ['LINT_UNSATISFIABLE d'],
    },
    // LINT_SHADOWED
    {
      name: 'a denial behind a wider allow',
      sets: { s: [allow('a', leaf('user.team', 'in', ['x', 'y']), { priority: 90 }), deny('d', team('x'))] },
      found: ['LINT_SHADOWED d'],
    },
    {
      name: 'a denial before a wider allow',
      sets: { s: [allow('a', leaf('user.team', 'in', ['x', 'y'])), deny('d', team('x'), { priority: 90 })] },
      found: [],
    },
    {
      name: 'an error of the denial that the allow does not cover',
      sets: {
        s: [
          allow('a', leaf('tool.arguments.n', 'in', ['x', 'y']), { priority: 90 }),
          deny('d', leaf('tool.arguments.n', 'equals', 'x')),
        ],
      },
      found: [],
    },
    {
      name: 'a log behind a log in first_match',
      sets: { s: [{ name: 'l', when: team('x'), effect: 'log_only', priority: 90 }, deny('d', team('x'))] },
      combining: 'first_match',
      found: ['LINT_SHADOWED d'],
    },
    {
      name: 'a log does not decide in priority',
      sets: { s: [{ name: 'l', when: team('x'), effect: 'log_only', priority: 90 }, deny('d', team('x'))] },
      found: [],
    },
    {
      name: 'a hold decides',
      sets: {
        s: [
          { name: 'h', when: leaf('user.team', 'exists', true), effect: 'require_approval', priority: 90 },
          deny('d', team('x')),
        ],
      },
      found: ['LINT_SHADOWED d'],
    },
    {
      name: 'a denial that an allow always lifts',
      sets: { s: [allow('a', leaf('user.team', 'exists', true), { priority: 90 }), deny('d', team('x'))] },
      combining: 'deny_overrides',
      found: ['LINT_SHADOWED d', 'LINT_ALLOW_BROAD a'],
    },
    {
      name: 'an allow of equal priority lifts nothing',
      sets: { s: [allow('a', or(team('x'), team('z'))), deny('d', team('x'))] },
      combining: 'deny_overrides',
      found: [],
    },
    {
      name: 'an allow that is always denied',
      sets: { s: [allow('a', team('x')), deny('d', leaf('user.team', 'in', ['x', 'y']))] },
      combining: 'deny_overrides',
      found: ['LINT_SHADOWED a'],
    },
    {
      name: 'an allow whose denial another allow lifts',
      sets: {
        s: [
          allow('a', team('x')),
          deny('d', leaf('user.team', 'in', ['x', 'y'])),
          allow('b', and(team('x'), leaf('user.role', 'equals', 'r')), { priority: 90 }),
        ],
      },
      combining: 'deny_overrides',
      found: [],
    },
    // LINT_UNREACHABLE
    {
      name: 'two that cover a third',
      sets: {
        s: [
          deny('p', leaf('request.max_tokens', 'greater_than', 5), { priority: 90 }),
          deny('q', leaf('request.max_tokens', 'less_than', 6), { priority: 90 }),
          deny('r', leaf('request.max_tokens', 'equals', 4), { priority: 10 }),
          allow('t', leaf('request.max_tokens', 'exists', true), { priority: 10 }),
        ],
      },
      found: ['LINT_SHADOWED r', 'LINT_UNREACHABLE t', 'LINT_ALLOW_BROAD t'],
    },
    {
      name: 'two that leave a gap',
      sets: {
        s: [
          deny('p', leaf('request.max_tokens', 'greater_than', 6), { priority: 90 }),
          deny('q', leaf('request.max_tokens', 'less_than', 6), { priority: 90 }),
          allow('t', and(leaf('request.max_tokens', 'exists', true), team('x')), { priority: 10 }),
        ],
      },
      found: [],
    },
    // LINT_CONTRADICTORY, LINT_DUPLICATE, LINT_TIE
    {
      name: 'the same condition, opposite effects',
      sets: { s: [allow('a', leaf('user.team', 'in', ['x', 'y'])), deny('b', or(team('y'), team('x')))] },
      found: ['LINT_CONTRADICTORY b'],
    },
    {
      name: 'the same condition in a set that overrides',
      sets: { s: [allow('a', team('x')), deny('b', team('x'))] },
      combining: 'deny_overrides',
      found: ['LINT_CONTRADICTORY a'],
    },
    {
      name: 'the same condition, other priorities',
      sets: { s: [allow('a', team('x'), { priority: 60 }), deny('b', team('x'))] },
      found: ['LINT_SHADOWED b'],
    },
    {
      name: 'the same twice',
      sets: { s: [deny('a', team('x')), deny('b', team('x'), { priority: 40 })] },
      found: ['LINT_DUPLICATE b'],
    },
    {
      name: 'the same twice in a set that overrides',
      sets: { s: [deny('a', team('x')), deny('b', team('x'), { priority: 40 })] },
      combining: 'deny_overrides',
      found: ['LINT_DUPLICATE b'],
    },
    {
      name: 'opposite effects that meet',
      sets: { s: [allow('a', team('x')), deny('b', leaf('user.role', 'equals', 'r'))] },
      found: ['LINT_TIE b'],
    },
    { name: 'opposite effects that never meet', sets: { s: [allow('a', team('x')), deny('b', team('y'))] }, found: [] },
    // LINT_OVERRULED
    {
      name: 'an allow under a wider denial of another set',
      sets: { p: [deny('d', leaf('user.team', 'in', ['x', 'y']))], t: [allow('a', team('x'))] },
      found: ['LINT_OVERRULED a'],
    },
    {
      name: 'an allow under a narrower denial of another set',
      sets: { p: [deny('d', and(team('x'), leaf('user.role', 'equals', 'r')))], t: [allow('a', team('x'))] },
      found: [],
    },
    {
      name: 'a denial of another set that is not reached',
      sets: {
        p: [allow('b', and(team('x'), leaf('user.role', 'equals', 'r')), { priority: 90 }), deny('d', team('x'))],
        t: [allow('a', team('x'))],
      },
      found: [],
    },
    // LINT_FIELD_UNAVAILABLE
    {
      name: 'a field of another kind of attempt',
      sets: { s: [deny('d', leaf('tool.name', 'equals', 'x'), { on: ['inference', 'egress'] })] },
      found: ['LINT_FIELD_UNAVAILABLE d'],
    },
    {
      name: 'a field of one of the kinds',
      sets: { s: [deny('d', leaf('tool.name', 'equals', 'x'), { on: ['inference', 'tool_call'] })] },
      found: [],
    },
    {
      name: 'whether a field is there',
      sets: { s: [deny('d', and(team('x'), leaf('tool.name', 'exists', false)), { on: ['inference'] })] },
      found: [],
    },
    // LINT_EFFECT_UNAVAILABLE
    {
      name: 'a redaction of a connection',
      sets: { s: [{ name: 'r', when: team('x'), effect: 'redact', on: ['egress'] }] },
      found: ['LINT_EFFECT_UNAVAILABLE r'],
    },
    {
      name: 'a limit of every attempt',
      sets: { s: [{ name: 'l', when: 'always', effect: { type: 'limit', max_tokens: 5 } }] },
      found: ['LINT_EFFECT_UNAVAILABLE l'],
    },
    {
      name: 'a limit of what a condition chooses',
      sets: { s: [{ name: 'l', when: team('x'), effect: { type: 'limit', max_tokens: 5 } }] },
      found: [],
    },
    {
      name: 'fields that could be a part of what is sent to a model',
      sets: {
        s: ['content', 'result', 'arguments.text', 'ssn'].map((path) => ({
          name: path.replace('.', '-'),
          when: team(path),
          effect: { type: 'redact', redact_config: { mask_fields: [path] } },
          on: ['inference'],
        })),
      },
      found: ['LINT_EFFECT_UNAVAILABLE content', 'LINT_EFFECT_UNAVAILABLE result'],
    },
    {
      name: 'the same on other surfaces, or where they are searched',
      sets: {
        s: [
          {
            name: 'm',
            when: team('x'),
            effect: { type: 'redact', redact_config: { mask_fields: ['text'] } },
            on: ['tool_call'],
          },
          {
            name: 'f',
            when: team('y'),
            effect: { type: 'redact', redact_config: { fields: ['result'] } },
            on: ['inference'],
          },
        ],
      },
      found: [],
    },
    {
      name: 'a redaction and a limit where there are such',
      sets: {
        s: [
          { name: 'r', when: 'always', effect: 'redact', on: ['tool_call', 'inference', 'a2a'] },
          { name: 'l', when: 'always', effect: { type: 'limit', max_tokens: 5 }, on: ['inference'] },
        ],
      },
      found: [],
    },
    // LINT_PATTERN_NEVER, LINT_PATTERN_ALWAYS
    {
      name: 'a pattern that matches nothing',
      sets: { s: [deny('d', leaf('tool.name', 'regex_match', 'a^b'))] },
      found: ['LINT_UNSATISFIABLE d', 'LINT_PATTERN_NEVER d'],
    },
    {
      name: 'a pattern that matches everything',
      sets: { s: [deny('d', leaf('tool.name', 'regex_match', '.*'))] },
      found: ['LINT_PATTERN_ALWAYS d'],
    },
    {
      name: 'a glob that matches everything',
      sets: { s: [deny('d', leaf('tool.name', 'glob_match', '**'))] },
      found: ['LINT_PATTERN_ALWAYS d'],
    },
    {
      name: 'patterns that match something',
      sets: {
        s: [
          deny(
            'd',
            or(
              leaf('tool.name', 'regex_match', '^rm'),
              leaf('tool.name', 'glob_match', '*'),
              leaf('tool.name', 'regex_match', '^.*$'),
            ),
          ),
        ],
      },
      found: [],
    },
    // LINT_LEAF_NEVER, LINT_LEAF_ALWAYS, LINT_CONDITION_DUPLICATE
    {
      name: 'a value beyond the schema',
      sets: { s: [deny('d', or(leaf('agent.trust_level', 'greater_than', 1), team('x')))] },
      found: ['LINT_LEAF_NEVER d'],
    },
    {
      name: 'a value at the end of the schema',
      sets: { s: [deny('d', leaf('agent.trust_level', 'greater_than', 0.99))] },
      found: [],
    },
    {
      name: 'what is always so',
      sets: { s: [deny('d', and(leaf('agent.id', 'exists', true), team('x')))] },
      found: ['LINT_LEAF_ALWAYS d'],
    },
    {
      name: 'the same comparison twice',
      sets: { s: [deny('d', or(team('x'), team('x'), team('y')))] },
      found: ['LINT_CONDITION_DUPLICATE d'],
    },
    {
      name: 'the same comparison in two groups',
      sets: {
        s: [
          deny(
            'd',
            or(and(team('x'), leaf('user.role', 'equals', 'r')), and(team('x'), leaf('user.role', 'equals', 's'))),
          ),
        ],
      },
      found: [],
    },
    // LINT_ALLOW_*
    { name: 'an allow of everything', sets: { s: [allow('a', 'always')] }, found: ['LINT_ALLOW_ALWAYS a'] },
    { name: 'a denial of everything', sets: { s: [deny('d', 'always')] }, found: [] },
    {
      name: 'an allow of the protocol',
      sets: { s: [allow('a', 'always', { on: ['session', 'tool_list'] })] },
      found: [],
    },
    {
      name: 'an allow of a kind',
      sets: { s: [allow('a', 'always', { on: ['egress'] })] },
      found: ['LINT_ALLOW_BROAD a'],
    },
    {
      name: 'an allow by time only',
      sets: { s: [allow('a', leaf('context.environment', 'equals', 'dev'))] },
      found: ['LINT_ALLOW_BROAD a'],
    },
    {
      name: 'an allow with one broad branch',
      sets: { s: [allow('a', or(team('x'), leaf('context.environment', 'equals', 'dev')))] },
      found: ['LINT_ALLOW_BROAD a'],
    },
    {
      name: 'an allow with no broad branch',
      sets: { s: [allow('a', and(leaf('context.environment', 'equals', 'dev'), or(team('x'), team('y'))))] },
      found: [],
    },
    {
      name: 'an allow of all but some',
      sets: { s: [allow('a', leaf('tool.name', 'not_in', ['rm', 'dd']))] },
      found: ['LINT_ALLOW_BY_EXCLUSION a'],
    },
    {
      name: 'an allow of all but some, if it is there',
      sets: { s: [allow('a', and(leaf('tool.name', 'exists', true), not(leaf('tool.name', 'equals', 'rm'))))] },
      found: ['LINT_ALLOW_BY_EXCLUSION a'],
    },
    {
      name: 'an allow of some but a few',
      sets: { s: [allow('a', and(team('x'), leaf('tool.name', 'not_in', ['rm'])))] },
      found: [],
    },
    // LINT_DEFAULT_ALLOW
    {
      name: 'a default of allow',
      sets: { s: [deny('d', team('x'))] },
      fallback: 'allow',
      found: ['LINT_DEFAULT_ALLOW'],
    },
  ])('$name', ({ sets, combining = 'priority', fallback = 'deny', found }) => {
    const report = lint(sets, { combining, fallback });
    expect([...codes(report)].sort()).toEqual([...found].sort());
    expect(report.undecided).toEqual([]);
  });

  test('a finding has its place, what to do, and the policies it is about', () => {
    const { findings } = lint({
      s: [allow('Wide', leaf('user.team', 'exists', true), { priority: 90 }), deny('Narrow', team('x'))],
    });
    expect(findings.find(({ code }) => code === 'LINT_SHADOWED')).toMatchObject({
      severity: 'error',
      message: expect.stringContaining('"Narrow" (deny) never has a say: "Wide" (s/policies.yaml:1) (allow) covers'),
      suggestion: expect.stringContaining('priority'),
      policy: 'narrow',
      set: 's',
      layer: 'platform',
      file: 's/policies.yaml',
      line: 1,
      related: [{ policy: 'wide', file: 's/policies.yaml', line: 1 }],
    });
  });

  test('a witness is a request that the engine treats as the finding says', () => {
    const sets = {
      p: [deny('d', leaf('user.team', 'in', ['x', 'y']))],
      t: [allow('a', team('x')), allow('b', leaf('context.environment', 'equals', 'dev'))],
    };
    const compiled = bundleOf(sets);
    if (!compiled.ok) throw new Error('not compiled');
    const engine = linkBundle(compiled.value);
    const { findings } = lintBundle(compiled.value);
    const witness = (code: LintCode) => findings.find((one) => one.code === code)?.witness;
    expect(engine.evaluate(witness('LINT_OVERRULED') as never).effect).toBe('deny');
    expect(engine.evaluate(witness('LINT_ALLOW_BROAD') as never).effect).toBe('allow');
  });

  test.each<Combining>(['priority', 'deny_overrides'])(
    'a thousand policies take seconds, not minutes: %s',
    (combining) => {
      const many = Array.from({ length: 1000 }, (_, index) => {
        const agent = leaf('agent.id', 'equals', `agent-${index % 50}`);
        const tool = leaf('tool.name', 'in', [`tool-${index}`, `tool-${index + 1}`]);
        return (index % 3 === 0 ? deny : allow)(`p${index}`, and(agent, tool), { priority: index % 100 });
      });
      const begun = performance.now();
      const report = lint({ s: many }, { combining });
      expect(report.rules).toBe(1000);
      expect(report.undecided).toEqual([]);
      expect(performance.now() - begun).toBeLessThan(20_000);
    },
  );

  test('the codes that have no row above are found by the command line', () => {
    expect(LINT_CODES.filter((code) => ['LINT_UNTESTED', 'LINT_IGNORE_UNUSED'].includes(code))).toHaveLength(2);
  });
});
