/**
 * Whatever stands in a policy file, the compiler answers: with a bundle that the engine can evaluate, or with problems
 * that name their place. It never throws, and never takes long.
 */
import { describe, expect, test } from '@jest/globals';
import { compileBundle, linkBundle, POLICY_TYPES, parseSourceDocument, policyKind } from '@portcullis/policy';
import type { CanonicalRequest, Json, JsonObject, Problem } from '@portcullis/policy/model';
import * as fc from 'fast-check';
import { sourceOf } from '../support/bundle-source.js';
import { bundle } from '../support/policy-generators.js';
import { request } from '../support/request-generators.js';

const RUNS = Math.max(1, Math.ceil(Number(process.env['JEST_PROPERTY_RUNS'] ?? 5_000) / 50));
const TIMEOUT_MS = 60_000 + RUNS * 50;
/** Far above what any case takes, far below a hang; the machine may be busy. */
const TOO_LONG_MS = 10_000;

const MANIFEST = {
  format: 'portcullis.policy/1',
  name: 'hostile',
  version: '1.0.0',
  fields: { 'tool.attributes.level': { type: 'string', members: ['low', 'high'] } },
  sets: [{ name: 's', layer: 'platform', combining: 'priority', priority_order: 'desc', policies: 'p' }],
};
const ATTEMPT = {
  version: '1.0',
  tenant_id: 't',
  source: 'mcp_proxy',
  agent: { id: 'a' },
  tool: { name: 'x', arguments: { p: 'a'.repeat(1000), l: [{ r: 'a' }] } },
  context: { timestamp: '2026-01-12T08:30:00Z', request_id: 'r', ip: '10.0.0.1' },
} as unknown as CanonicalRequest;

function bytesOf(content: unknown): Uint8Array {
  if (content instanceof Uint8Array) return content;
  return new TextEncoder().encode(typeof content === 'string' ? content : JSON.stringify(content));
}

/** Compiles within the time, and evaluates what compiled. Returns the problems. */
function expectSurvival(files: Readonly<Record<string, unknown>>, attempt = ATTEMPT): readonly Problem[] {
  const begun = performance.now();
  const result = compileBundle(new Map(Object.entries(files).map(([name, content]) => [name, bytesOf(content)])));
  if (!result.ok) {
    expect(result.problems.length).toBeGreaterThan(0);
    expect(result.problems.filter(({ code, message }) => !/^ERR_[A-Z_]+$/.test(code) || message === '')).toEqual([]);
  } else {
    const verdict = linkBundle(structuredClone(result.value)).evaluate(attempt);
    expect(verdict.deny.filter(({ code }) => code === 'INTERNAL_ERROR')).toEqual([]);
  }
  expect(performance.now() - begun).toBeLessThan(TOO_LONG_MS);
  return result.ok ? [] : result.problems;
}

const anyJson = fc.jsonValue({ maxDepth: 4 }) as fc.Arbitrary<Json>;
/** Words of the language in places where nobody expects them. */
const word = fc.constantFrom<Json>(
  'name',
  'when',
  'effect',
  'priority',
  'type',
  'config',
  'and',
  'not',
  'always',
  'deny',
  'equals',
  'in_time_window',
  'text_matches',
  'user.team',
  'tool.arguments.l[any].r',
  'tool.arguments.l[',
  '__proto__',
  'constructor',
  '*',
  '**',
  '(',
  '10.0.0.0/8',
  'UTC',
  '2026-01-31',
  '',
  -1,
  0,
  101,
  1e308,
  true,
  null,
);

/** The document with one of its values replaced, removed or doubled. */
function mutated(document: Json): fc.Arbitrary<Json> {
  const paths: (readonly (string | number)[])[] = [];
  const visit = (value: Json, path: readonly (string | number)[]): void => {
    paths.push(path);
    if (typeof value !== 'object' || value === null) return;
    for (const [key, child] of Object.entries(value)) {
      visit(child, [...path, Array.isArray(value) ? Number(key) : key]);
    }
  };
  visit(document, []);
  const change = fc.oneof(
    fc.oneof(word, anyJson).map((value) => ({ kind: 'replace', value }) as const),
    fc.constant({ kind: 'remove' } as const),
    fc.tuple(word.map(String), anyJson).map(([key, value]) => ({ kind: 'add', key, value }) as const),
    fc.constant({ kind: 'wrap' } as const),
  );
  type Change = typeof change extends fc.Arbitrary<infer C> ? C : never;
  const applied = (value: Json, path: readonly (string | number)[], one: Change): Json | undefined => {
    const [key, ...rest] = path;
    if (key === undefined) {
      if (one.kind === 'replace') return one.value;
      if (one.kind === 'wrap') return [value];
      if (one.kind === 'remove') return undefined;
      return typeof value === 'object' && value !== null && !Array.isArray(value)
        ? { ...(value as JsonObject), [one.key]: one.value }
        : { [one.key]: one.value };
    }
    if (Array.isArray(value)) {
      return value.flatMap((element: Json, index) => {
        const next = index === key ? applied(element, rest, one) : element;
        return next === undefined ? [] : [next];
      });
    }
    const entries = Object.entries(value as JsonObject).flatMap(([name, member]): [string, Json][] => {
      const next = name === key ? applied(member, rest, one) : member;
      return next === undefined ? [] : [[name, next]];
    });
    return Object.fromEntries(entries);
  };
  return fc.tuple(fc.constantFrom(...paths), change).map(([path, one]) => applied(document, path, one) ?? null);
}

describe('a policy file of', () => {
  test(
    'random bytes',
    () => {
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
          expectSurvival({ 'bundle.yaml': MANIFEST, 'p/a.yaml': bytes });
        }),
        { numRuns: RUNS },
      );
    },
    TIMEOUT_MS,
  );

  test(
    'pieces of YAML',
    () => {
      const piece = fc.constantFrom(
        'a',
        ': ',
        '- ',
        '\n',
        '  ',
        '? ',
        '[',
        ']',
        '{',
        '}',
        ',',
        '&x ',
        '*x',
        '!!str ',
        '|',
        '>',
        '"',
        "'",
        '#',
        '---',
        '...',
        '%YAML 1.1\n',
        '<<',
        '\t',
        '\r',
        '\u0000',
        '\u2028',
        '\ufeff',
        'when',
        'always',
      );
      fc.assert(
        fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
          const text = new TextEncoder().encode(pieces.join(''));
          const parsed = parseSourceDocument('p/a.yaml', text);
          expect(parsed.ok || parsed.problems.length > 0).toBe(true);
          expectSurvival({ 'bundle.yaml': MANIFEST, 'p/a.yaml': text });
          expectSurvival({ 'bundle.yaml': text, 'p/a.yaml': 'name: a' });
        }),
        { numRuns: RUNS },
      );
    },
    TIMEOUT_MS,
  );

  test(
    'random JSON',
    () => {
      fc.assert(
        fc.property(
          fc.oneof(anyJson, fc.array(anyJson), fc.dictionary(word.map(String), fc.oneof(word, anyJson))),
          (document) => {
            expectSurvival({ 'bundle.yaml': MANIFEST, 'p/a.json': document });
            expectSurvival({ 'bundle.yaml': document, 'p/a.json': {} });
          },
        ),
        { numRuns: RUNS },
      );
    },
    TIMEOUT_MS,
  );

  test(
    'a valid bundle in which one thing is wrong',
    () => {
      const changed = bundle(3).chain((given) => {
        const files = [...sourceOf(given)].map(
          ([name, bytes]) => [name, JSON.parse(new TextDecoder().decode(bytes)) as Json] as const,
        );
        return fc
          .constantFrom(...files.keys())
          .chain((at) =>
            mutated(files[at]?.[1] ?? null).map((document) =>
              files.map(([name, own], index) => [name, index === at ? document : own] as const),
            ),
          );
      });
      fc.assert(
        fc.property(changed, request(), (files, attempt) => {
          expectSurvival(Object.fromEntries(files), attempt);
        }),
        { numRuns: RUNS },
      );
    },
    TIMEOUT_MS,
  );

  test(
    'a typed policy in which one thing is wrong',
    () => {
      const changed = fc.constantFrom(...POLICY_TYPES).chain((type) => mutated(policyKind(type).example));
      fc.assert(
        fc.property(changed, (document) => {
          expectSurvival({ 'bundle.yaml': MANIFEST, 'p/a.json': document });
        }),
        { numRuns: RUNS },
      );
    },
    TIMEOUT_MS,
  );
});

const policy = (when: unknown): unknown => ({ name: 'A', when, effect: 'deny', priority: 1 });
const leaf = (field: string, operator: string, value: unknown): unknown => policy({ field, operator, value });
const nested = (depth: number, open: string, close: string): string => open.repeat(depth) + close.repeat(depth);
const OPEN = 'tool.arguments.p';

describe('the compiler answers at once to', () => {
  test.each<{ name: string; file: unknown; accepted: boolean }>([
    { name: 'lists nested a hundred thousand deep', file: nested(100_000, '[', ']'), accepted: false },
    { name: 'maps nested a hundred thousand deep', file: nested(100_000, '{"a":', '}'), accepted: false },
    { name: 'blocks nested ten thousand deep', file: '- '.repeat(10_000), accepted: false },
    {
      name: 'a bomb of aliases',
      file: `a: &a [${'x,'.repeat(50)}]\n${'bcdefghij'
        .split('')
        .map((c, i) => `${c}: &${c} [${`*${'abcdefghi'[i]},`.repeat(9)}]`)
        .join('\n')}`,
      accepted: false,
    },
    { name: 'three million characters of one word', file: 'a'.repeat(3_000_000), accepted: false },
    { name: 'more bytes than a file may have', file: ' '.repeat(5_000_000), accepted: false },
    {
      name: 'a hundred thousand keys',
      file: Object.fromEntries(Array.from({ length: 100_000 }, (_, n) => [`k${n}`, n])),
      accepted: false,
    },
    {
      name: 'a list of ten thousand',
      file: leaf(
        OPEN,
        'in',
        Array.from({ length: 10_000 }, (_, n) => `v${n}`),
      ),
      accepted: true,
    },
    {
      name: 'a list of ten thousand and one',
      file: leaf(
        OPEN,
        'in',
        Array.from({ length: 10_001 }, (_, n) => `v${n}`),
      ),
      accepted: false,
    },
    {
      name: 'ten thousand prefixes',
      file: leaf(
        OPEN,
        'starts_with',
        Array.from({ length: 10_000 }, (_, n) => `v${n}`),
      ),
      accepted: true,
    },
    {
      name: 'ten thousand globs',
      file: leaf(
        OPEN,
        'glob_match',
        Array.from({ length: 10_000 }, (_, n) => `v${n}/*`),
      ),
      accepted: true,
    },
    {
      name: 'groups deeper than a condition may be',
      file: policy(
        Array.from({ length: 17 }).reduce<unknown>((inner) => ({ operator: 'not', conditions: [inner] }), {
          field: OPEN,
          operator: 'exists',
        }),
      ),
      accepted: false,
    },
    {
      name: 'a group of five thousand',
      file: policy({
        operator: 'or',
        conditions: Array.from({ length: 5000 }, (_, n) => ({ field: OPEN, operator: 'equals', value: `v${n}` })),
      }),
      accepted: true,
    },
    { name: 'repetitions of repetitions', file: leaf(OPEN, 'regex_match', '((a{30}){30}){30}'), accepted: false },
    { name: 'a pattern that would backtrack', file: leaf(OPEN, 'regex_match', '^(a|a?)+b$'), accepted: true },
    { name: 'a pattern with many states', file: leaf(OPEN, 'regex_match', '(a|b)*a(a|b){18}c'), accepted: true },
    {
      name: 'groups inside groups of a pattern',
      file: leaf(OPEN, 'regex_match', nested(1000, '(', ')')),
      accepted: false,
    },
    { name: 'a glob of stars', file: leaf(OPEN, 'glob_match', '*a'.repeat(1000)), accepted: true },
    { name: 'a glob of braces', file: leaf(OPEN, 'glob_match', '{a,b}'.repeat(400)), accepted: true },
    { name: 'braces inside braces', file: leaf(OPEN, 'glob_match', nested(500, '{', '}')), accepted: false },
    {
      name: 'a path of a thousand names',
      file: leaf(`tool.arguments${'.a'.repeat(1000)}`, 'exists', true),
      accepted: false,
    },
    {
      name: 'a path of a thousand quantifiers',
      file: leaf(`tool.arguments.p${'[any]'.repeat(1000)}`, 'exists', true),
      accepted: true,
    },
    { name: 'a very long operator', file: leaf(OPEN, 'equals'.repeat(10_000), 'a'), accepted: false },
    {
      name: 'five thousand mistakes',
      file: policy({
        operator: 'or',
        conditions: Array.from({ length: 5000 }, (_, n) => ({ field: `usr.tem${n}`, operator: 'equal', value: 1 })),
      }),
      accepted: false,
    },
    {
      name: 'ten thousand domains',
      file: leaf(
        OPEN,
        'domain_match',
        Array.from({ length: 10_000 }, (_, n) => `*.d${n}.example`),
      ),
      accepted: true,
    },
    { name: 'a domain of nothing but dots', file: leaf(OPEN, 'domain_match', '.'.repeat(100_000)), accepted: false },
    {
      name: 'ten thousand ranges',
      file: leaf(
        OPEN,
        'cidr_match',
        Array.from({ length: 10_000 }, (_, n) => `10.${n >> 8}.${n & 255}.0/24`),
      ),
      accepted: true,
    },
  ])(
    '$name',
    ({ file, accepted }) => {
      const problems = expectSurvival({ 'bundle.yaml': MANIFEST, 'p/a.json': file });
      expect(problems.length === 0).toBe(accepted);
    },
    TIMEOUT_MS,
  );

  test(
    'patterns that are too much only together',
    () => {
      const policies = Array.from({ length: 1000 }, (_, n) => ({
        ...(leaf(OPEN, 'regex_match', `^x${n}[a-z]{1,900}$`) as JsonObject),
        name: `P${n}`,
      }));
      const problems = expectSurvival({ 'bundle.yaml': MANIFEST, 'p/a.json': policies });
      expect(problems.map(({ code }) => code)).toEqual(['ERR_POLICY_REGEX_INVALID']);
      expect(problems[0]?.message).toContain('together');
    },
    TIMEOUT_MS,
  );
});

describe('the engine answers at once about a very long text to', () => {
  const long = 'ab'.repeat(200_000);
  test.each([
    { operator: 'regex_match', value: '^(a|a?)+b$' },
    { operator: 'regex_match', value: '(a|b)*a(a|b){18}c' },
    { operator: 'regex_match', value: '(x+x+)+y' },
    { operator: 'glob_match', value: '*a*b*a*b*c' },
    { operator: 'glob_match', value: '**{a,b}**{a,b}**c' },
    { operator: 'domain_match', value: '*.example.com' },
    { operator: 'cidr_match', value: '10.0.0.0/8' },
    { operator: 'greater_than', value: '2026-01-31' },
    { operator: 'contains', value: `${'ab'.repeat(100)}c` },
  ])('$operator $value', ({ operator, value }) => {
    const attempt = { ...ATTEMPT, tool: { arguments: { p: long } } } as unknown as CanonicalRequest;
    expectSurvival({ 'bundle.yaml': MANIFEST, 'p/a.json': leaf(OPEN, operator, value) }, attempt);
  });
});
