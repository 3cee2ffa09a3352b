import { describe, expect, test } from '@jest/globals';
import type { Json, JsonObject } from '../model/request.js';
import { CONTENT_FILTER } from './content-filter.js';
import {
  createFindings,
  engineOf,
  everyAction,
  type Finding,
  policyOf,
  problemsOf,
  requestOf,
} from './testing/decide-typed.js';

const findingsOf = createFindings();

const SEED = CONTENT_FILTER.example['config'] ?? null;

describe('content_filter', () => {
  test.each<{ name: string; config?: Json; kind?: string; request: JsonObject; finding: Finding }>([
    {
      name: 'the seed: a word in the query',
      request: { request: { query: 'What is the password?', output: '' } },
      finding: 'violates',
    },
    { name: 'in the output', request: { request: { query: '', output: 'a secret' } }, finding: 'violates' },
    { name: 'in neither', request: { request: { query: 'Hello', output: 'Hi' } }, finding: 'complies' },
    { name: 'case does not count', request: { request: { query: 'PASSWORD', output: '' } }, finding: 'violates' },
    {
      name: 'case counts when it should',
      config: { patterns: ['Password'], check_fields: ['query'], case_sensitive: true },
      request: { request: { query: 'PASSWORD' } },
      finding: 'complies',
    },
    {
      name: 'an alternative stays inside its pattern',
      config: { patterns: ['^a|b$', 'xyz'], check_fields: ['query'] },
      request: { request: { query: 'cab' } },
      finding: 'violates',
    },
    {
      name: 'arguments at any depth',
      kind: 'tool_call',
      config: { patterns: ['BEGIN PRIVATE KEY'], check_fields: ['arguments'] },
      request: { tool: { name: 'x', arguments: { a: [{ b: 'begin private key' }] } } },
      finding: 'violates',
    },
    {
      name: 'the path of a field',
      kind: 'egress',
      config: { patterns: ['token='], check_fields: ['egress.path'] },
      request: { egress: { host: 'example.com', path: '/x?token=1' } },
      finding: 'violates',
    },
    {
      name: 'all texts when no field is named',
      kind: 'tool_call',
      config: { patterns: ['secret'] },
      request: { request: { query: '', output: '' }, tool: { arguments: { note: 'secret' } } },
      finding: 'violates',
    },
    {
      name: 'texts that are no texts have none',
      config: { patterns: ['7'], check_fields: ['query'] },
      request: { request: { query: 7 } },
      finding: 'complies',
    },
    {
      name: 'a text behind something that is no object errs',
      config: { patterns: ['7'], check_fields: ['query'] },
      request: { request: 'query' },
      finding: 'errs',
    },
  ])('$name', ({ config = SEED, kind = 'inference', request, finding }) => {
    const policy = policyOf('content_filter', config);
    expect(findingsOf(policy, requestOf(kind, request))).toEqual(everyAction('content_filter', finding));
  });

  test('a text that is not there has no match, and is no reason to allow either', () => {
    expect(
      findingsOf(policyOf('content_filter', SEED), requestOf('inference', { request: { query: 'Hello' } })),
    ).toEqual({
      deny: 'complies',
      escalate: 'complies',
      log_only: 'complies',
      allow: 'violates',
    });
  });

  test('a hold asks for a reviewer and says why', () => {
    const policy = { ...CONTENT_FILTER.example, action: 'escalate', group: 'security' };
    const verdict = engineOf(policy).evaluate(requestOf('inference', { request: { query: 'password' } }));
    expect(verdict.effect).toBe('hold');
    expect(verdict.deny[0]).toMatchObject({ code: 'APPROVAL_REQUIRED', reason_code: 'CONTENT_FILTERED' });
    expect(verdict.conditions).toMatchObject([{ type: 'require_hitl', value: { group: 'security' } }]);
  });

  test.each<{ name: string; config: Json; says: string }>([
    {
      name: 'a field that there is not',
      config: { patterns: ['a'], check_fields: ['query', 'outputs'] },
      says: 'config.check_fields[1]: "outputs" is neither one of query, output, arguments nor the path of a field; did you mean "output"?',
    },
    { name: 'a field without text', config: { patterns: ['a'], check_fields: ['egress.port'] }, says: 'holds no text' },
    {
      name: 'a pattern that is none',
      config: { patterns: ['a', '(?=b)'] },
      says: 'config.patterns[1]: not an RE2 pattern',
    },
    { name: 'an empty pattern', config: { patterns: [''] }, says: 'config.patterns[0]' },
    { name: 'a mistyped key', config: { patterns: ['a'], checkfields: [] }, says: 'did you mean "check_fields"?' },
    {
      name: 'patterns that are too large together',
      config: { patterns: Array.from({ length: 40 }, (_, index) => `${index}a{900}b{900}`) },
      says: 'config.patterns: the compiled patterns have',
    },
  ])('$name is refused', ({ config, says }) => {
    expect(problemsOf(policyOf('content_filter', config)).join('\n')).toContain(says);
  });
});
