import { describe, expect, test } from '@jest/globals';
import type { Json, JsonObject } from '../model/request.js';
import { HITL_REQUIRED } from './hitl-required.js';
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

const SEED = HITL_REQUIRED.example['config'] ?? null;

describe('hitl_required', () => {
  test.each<{ name: string; config?: Json; kind?: string; request?: JsonObject; finding: Finding }>([
    { name: 'an operation of a tool', request: { tool: { operation: 'delete' } }, finding: 'violates' },
    { name: 'an action of a model call', request: { request: { action: 'delete' } }, finding: 'violates' },
    { name: 'a kind of attempt', kind: 'inference', finding: 'violates' },
    { name: 'another operation', request: { tool: { operation: 'retrieve' } }, finding: 'complies' },
    { name: 'no operation', finding: 'complies' },
    {
      name: 'a glob',
      config: { operations: ['del*'] },
      request: { tool: { operation: 'delete_all' } },
      finding: 'violates',
    },
    { name: 'an operation that is no text', request: { tool: { operation: 5 } }, finding: 'errs' },
  ])('$name: $finding', ({ config = SEED, kind = 'tool_call', request = {}, finding }) => {
    const policy = policyOf('hitl_required', config);
    expect(findingsOf(policy, requestOf(kind, request))).toEqual(everyAction('hitl_required', finding));
  });

  test('a granted approval satisfies it', () => {
    const granted = { granted: ['tenant/typed/human-approval'] };
    const request = requestOf('inference', { context: { approval: granted } });
    expect(engineOf(HITL_REQUIRED.example).evaluate(request).effect).toBe('allow');
  });

  test.each<{ policy: JsonObject; says: string }>([
    { policy: { ...HITL_REQUIRED.example, action: 'allow' }, says: 'cannot allow (it can escalate, deny, log_only)' },
    { policy: policyOf('hitl_required', { operation: ['x'] }), says: 'did you mean "operations"?' },
  ])('refused: $says', ({ policy, says }) => {
    expect(problemsOf(policy).join('\n')).toContain(says);
  });
});
