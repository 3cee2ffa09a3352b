import { describe, expect, test } from '@jest/globals';
import type { Json, JsonObject } from '@portcullis/policy/model';
import { literalChanges } from './literal-changes.js';
import { mutatePolicy } from './mutate-policy.js';

const LEAF = { field: 'tool.name', operator: 'exists', value: true };

function changesOf(policy: JsonObject): readonly string[] {
  return mutatePolicy(policy).map(({ kind, path, what }) => `${kind} ${path}: ${what}`);
}

/** What is left of a policy's condition after each change of it. */
function conditionsOf(when: Json): readonly Json[] {
  return mutatePolicy({ when })
    .filter(({ path }) => path.startsWith('when'))
    .map(({ document }) => (document as JsonObject)['when'] ?? null);
}

describe('changes of a policy', () => {
  test('a condition by itself', () => {
    expect(conditionsOf(LEAF)).toEqual([{ operator: 'not', conditions: [LEAF] }, 'always']);
  });

  test('a group, its members, and what is under a not', () => {
    const other = { ...LEAF, field: 'user.id' };
    const negated = { operator: 'not', conditions: [other] };
    expect(conditionsOf({ operator: 'and', conditions: [LEAF, negated] })).toEqual([
      { operator: 'or', conditions: [LEAF, negated] },
      { operator: 'and', conditions: [negated] },
      { operator: 'and', conditions: [LEAF] },
      { operator: 'and', conditions: [{ operator: 'not', conditions: [LEAF] }, negated] },
      { operator: 'and', conditions: [LEAF, other] },
    ]);
  });

  test('a group of one is neither emptied nor turned', () => {
    expect(conditionsOf({ operator: 'or', conditions: [LEAF] })).toEqual([
      { operator: 'or', conditions: [{ operator: 'not', conditions: [LEAF] }] },
    ]);
  });

  test.each<[string, JsonObject, readonly string[]]>([
    ['an effect by name', { effect: 'allow' }, ['flip_effect effect: allow became deny']],
    [
      'an effect in full',
      { effect: { type: 'deny', deny_reason_code: 'X' } },
      ['flip_effect effect: deny became allow'],
    ],
    ['a hold', { effect: { type: 'require_approval' } }, ['flip_effect effect: require_approval became allow']],
    ['a record', { effect: 'log_only' }, []],
    ['on', { on: ['tool_call'] }, ['drop_scope on: on was left out']],
    ['a scope of one part', { scope: { tenant: 'a' } }, ['drop_scope scope.tenant: scope.tenant was left out']],
    [
      'a scope of two parts',
      { scope: { tenant: 'a', workspace: 'b' } },
      [
        'drop_scope scope.tenant: scope.tenant was left out',
        'drop_scope scope.workspace: scope.workspace was left out',
      ],
    ],
    [
      'a typed policy',
      { action: 'escalate', config: { limit: 3, hosts: ['a', 'b'], strict: true, nested: [{ n: 0 }] } },
      [
        'change_config config.limit: 3 became 4',
        'change_config config.limit: 3 became 2',
        'change_config config.hosts: "a" was left out of the list',
        'change_config config.hosts: "b" was left out of the list',
        'change_config config.strict: true became false',
        'change_config config.nested[0].n: 0 became 1',
        'change_config config.nested[0].n: 0 became -1',
        'flip_effect action: escalate became log_only',
      ],
    ],
  ])('%s', (_name, policy, expected) => {
    expect(changesOf(policy)).toEqual([...expected, 'remove_policy : the policy was removed']);
  });

  test('the document that is changed stays as it is', () => {
    const policy = {
      when: { operator: 'and', conditions: [LEAF, LEAF] },
      effect: 'allow',
      scope: { tenant: 'a', workspace: 'b' },
    };
    const before = structuredClone(policy);
    mutatePolicy(policy);
    expect(policy).toEqual(before);
  });
});

describe('changes of a literal', () => {
  test.each<[string, Json, readonly (readonly [string | undefined, Json])[]]>([
    [
      'greater_than',
      10,
      [
        ['greater_or_equal', 10],
        [undefined, 11],
      ],
    ],
    [
      'greater_or_equal',
      10,
      [
        ['greater_than', 10],
        [undefined, 9],
      ],
    ],
    [
      'less_than',
      0.5,
      [
        ['less_or_equal', 0.5],
        [undefined, 0.4],
      ],
    ],
    [
      'less_or_equal',
      0.25,
      [
        ['less_than', 0.25],
        [undefined, 0.26],
      ],
    ],
    ['greater_than', '2026-01-01T00:00:00Z', [['greater_or_equal', '2026-01-01T00:00:00Z']]],
    [
      'between',
      [1, 5],
      [
        [undefined, [2, 5]],
        [undefined, [0, 5]],
        [undefined, [1, 6]],
        [undefined, [1, 4]],
      ],
    ],
    ['between', ['a', 'b'], []],
    ['equals', 3, [[undefined, 4]]],
    ['equals', 'x', []],
    ['equals', true, []],
    [
      'in',
      ['a', 'b'],
      [
        [undefined, ['b']],
        [undefined, ['a']],
      ],
    ],
    ['in', ['a'], []],
    ['starts_with', 'ab', [[undefined, 'a']]],
    ['starts_with', 'a', []],
    ['ends_with', 'ab', [[undefined, 'b']]],
    ['contains', 'ab', [[undefined, 'a']]],
    [
      'starts_with',
      ['ab', 'c'],
      [
        [undefined, ['c']],
        [undefined, ['ab']],
        [undefined, ['a', 'c']],
      ],
    ],
    [
      'regex_match',
      '^a$',
      [
        [undefined, 'a$'],
        [undefined, '^a'],
      ],
    ],
    ['regex_match', 'a\\$', []],
    ['glob_match', 'a/**', [[undefined, 'a/*']]],
    ['glob_match', 'a/*', [[undefined, 'a/**']]],
    ['glob_match', 'a', []],
    ['domain_match', '*.a.b', [[undefined, 'a.b']]],
    ['domain_match', 'a.b', [[undefined, '*.a.b']]],
    [
      'cidr_match',
      '10.0.0.0/8',
      [
        [undefined, '10.0.0.0/9'],
        [undefined, '10.0.0.0/7'],
      ],
    ],
    ['cidr_match', '0.0.0.0/0', [[undefined, '0.0.0.0/1']]],
    ['cidr_match', '::1/128', [[undefined, '::1/127']]],
    [
      'in_time_window',
      { from: '09:00', days: ['mon', 'tue'] },
      [
        [undefined, { from: '08:59', days: ['mon', 'tue'] }],
        [undefined, { from: '09:01', days: ['mon', 'tue'] }],
        [undefined, { from: '09:00', days: ['tue'] }],
        [undefined, { from: '09:00', days: ['mon'] }],
      ],
    ],
    ['in_time_window', { from: '00:00' }, [[undefined, { from: '00:01' }]]],
    ['exists', true, []],
  ])('%s %j', (operator, value, expected) => {
    expect(literalChanges(operator, value).map((change) => [change.operator, change.value])).toEqual(expected);
  });

  test('of a long list a few members are left out, the first and the last among them', () => {
    const members = Array.from({ length: 100 }, (_, index) => index);
    const missing = literalChanges('in', members).map(({ value }) =>
      members.find((member) => !(value as number[]).includes(member)),
    );
    expect(missing).toEqual([0, 33, 66, 99]);
  });
});
