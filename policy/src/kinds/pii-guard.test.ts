import { describe, expect, test } from '@jest/globals';
import type { Json } from '../model/request.js';
import { PII_GUARD } from './pii-guard.js';
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

describe('pii_guard', () => {
  test.each<{ name: string; config?: Json; request: Json; finding: Finding }>([
    { name: 'a number of the pattern', request: { output: 'SSN 123-45-6789.' }, finding: 'violates' },
    { name: 'a longer number', request: { output: '0123-45-67890' }, finding: 'complies' },
    { name: 'in the query, which is not searched', request: { query: '123-45-6789', output: '' }, finding: 'complies' },
    {
      name: 'in the query, which is searched',
      config: { patterns: ['\\d{3}-\\d{2}-\\d{4}'], check_fields: ['query'] },
      request: { query: '123-45-6789' },
      finding: 'violates',
    },
    {
      name: 'case counts',
      config: { patterns: ['\\b[A-Z]{2}\\d{2}[A-Z0-9]{10,30}\\b'] },
      request: { output: 'de89370400440532013000' },
      finding: 'complies',
    },
    { name: 'an output that is no text has none', request: { output: 5 }, finding: 'complies' },
  ])('$name: $finding', ({ config = PII_GUARD.example['config'] ?? null, request, finding }) => {
    const policy = policyOf('pii_guard', config);
    expect(findingsOf(policy, requestOf('inference', { request }))).toEqual(everyAction('pii_guard', finding));
  });

  test('without an output there is nothing to find', () => {
    const verdict = engineOf({ ...PII_GUARD.example, action: 'deny' }).evaluate(requestOf('tool_call'));
    expect(verdict.effect).toBe('allow');
  });

  test("the seed's default only logs", () => {
    const verdict = engineOf(PII_GUARD.example).evaluate(
      requestOf('inference', { request: { output: '123-45-6789' } }),
    );
    expect(verdict.effect).toBe('allow');
    expect(verdict.matched.map(({ policy, effect }) => [policy, effect])).toContainEqual([
      'pii-output-guard',
      'log_only',
    ]);
  });

  test('a mistyped key is refused', () => {
    expect(problemsOf(policyOf('pii_guard', { pattern: ['a'] })).join('\n')).toContain('did you mean "patterns"?');
  });
});
