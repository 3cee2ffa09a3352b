import { describe, expect, test } from '@jest/globals';
import type { Json, JsonObject } from '../model/request.js';
import { DATA_SCOPE } from './data-scope.js';
import { createFindings, everyAction, type Finding, policyOf, problemsOf, requestOf } from './testing/decide-typed.js';

const findingsOf = createFindings();

const SEED = DATA_SCOPE.example['config'] ?? null;
const on = (operation: Json, store?: Json): JsonObject => ({
  tool: { operation },
  ...(store === undefined ? {} : { context: { store } }),
});

describe('data_scope', () => {
  test.each<{ name: string; config?: Json; request: JsonObject; finding: Finding }>([
    { name: 'an allowed store', request: on('retrieve', 'default'), finding: 'complies' },
    { name: 'another store', request: on('retrieve', 'payroll'), finding: 'violates' },
    { name: 'another store, whatever the operation', request: on('tools/call', 'payroll'), finding: 'violates' },
    { name: 'no store in an operation on data', request: on('write'), finding: 'violates' },
    { name: 'no store in an action on data', request: { request: { action: 'delete' } }, finding: 'violates' },
    { name: 'a store that is no text', request: on('retrieve', 5), finding: 'errs' },
    { name: 'an operation that is no text, with a store', request: on(5, 'default'), finding: 'complies' },
    {
      name: 'an operation of the config',
      config: { allowed_stores: ['a'], operations: ['index'] },
      request: on('index'),
      finding: 'violates',
    },
    { name: 'a glob', config: { allowed_stores: ['eu-*'] }, request: on('write', 'eu-1'), finding: 'complies' },
  ])('$name: $finding', ({ config = SEED, request, finding }) => {
    expect(findingsOf(policyOf('data_scope', config), requestOf('tool_call', request))).toEqual(
      everyAction('data_scope', finding),
    );
  });

  test('what touches no store complies, and is not what the policy allows', () => {
    expect(findingsOf(policyOf('data_scope', SEED), requestOf('tool_call', on('ping')))).toEqual({
      deny: 'complies',
      escalate: 'complies',
      log_only: 'complies',
      allow: 'violates',
    });
  });

  test.each<{ config: Json; says: string }>([
    { config: { allowed_store: ['a'] }, says: 'unknown key "allowed_store"; did you mean "allowed_stores"?' },
    { config: { allowed_stores: 'a' }, says: 'config.allowed_stores: invalid input: expected array' },
  ])('refused: $says', ({ config, says }) => {
    expect(problemsOf(policyOf('data_scope', config)).join('\n')).toContain(says);
  });
});
