import { describe, expect, test } from '@jest/globals';
import { formatProblem } from '../model/problem.js';
import { compileBundle } from './compile.js';

const MANIFEST = {
  format: 'portcullis.policy/1',
  name: 'b',
  version: '1.0.0',
  sets: [{ name: 's', layer: 'platform', combining: 'priority', priority_order: 'desc', policies: 'p' }],
};
const POLICY = { name: 'A rule', when: 'always', effect: 'allow', priority: 1 };

type Files = Readonly<Record<string, unknown>>;
function files(texts: Files): ReadonlyMap<string, Uint8Array> {
  return new Map(
    Object.entries(texts).map(([name, content]) => {
      return [name, new TextEncoder().encode(typeof content === 'string' ? content : JSON.stringify(content))];
    }),
  );
}
const source = (more: Files): ReadonlyMap<string, Uint8Array> => files({ 'bundle.yaml': MANIFEST, ...more });
function problemsOf(given: ReadonlyMap<string, Uint8Array>): readonly string[] {
  const result = compileBundle(given);
  return result.ok ? [] : result.problems.map((problem) => `${problem.file ?? ''} ${problem.path} ${problem.code}`);
}
function firstRule(policy: unknown) {
  const result = compileBundle(source({ 'p/a.json': policy }));
  if (!result.ok) throw new Error(result.problems.map(formatProblem).join('\n'));
  return result.value.sets[0]?.rules[0];
}

describe('compileBundle refuses a policy', () => {
  test.each<{ name: string; policy: unknown; path: string; code: string }>([
    { name: 'that is a text', policy: 'allow', path: '', code: 'SHAPE' },
    { name: 'without a name', policy: { ...POLICY, name: undefined }, path: 'name', code: 'SHAPE' },
    { name: 'without when', policy: { ...POLICY, when: undefined }, path: '', code: 'SHAPE' },
    { name: 'without an effect', policy: { ...POLICY, effect: undefined }, path: '', code: 'SHAPE' },
    { name: 'without a priority', policy: { ...POLICY, priority: undefined }, path: 'priority', code: 'SHAPE' },
    { name: 'with a priority over 100', policy: { ...POLICY, priority: 101 }, path: 'priority', code: 'SHAPE' },
    { name: 'with a fraction of a priority', policy: { ...POLICY, priority: 1.5 }, path: 'priority', code: 'SHAPE' },
    { name: 'with a text as priority', policy: { ...POLICY, priority: '9' }, path: 'priority', code: 'SHAPE' },
    { name: 'with an unknown key', policy: { ...POLICY, stauts: 'active' }, path: 'stauts', code: 'KEY_UNKNOWN' },
    { name: 'with an unknown status', policy: { ...POLICY, status: 'off' }, path: 'status', code: 'SHAPE' },
    { name: 'with an unknown kind of attempt', policy: { ...POLICY, on: ['call'] }, path: 'on[0]', code: 'SHAPE' },
    { name: 'with no kind of attempt', policy: { ...POLICY, on: [] }, path: 'on', code: 'SHAPE' },
    { name: 'with an empty scope', policy: { ...POLICY, scope: {} }, path: 'scope', code: 'SHAPE' },
    {
      name: 'with an unknown scope',
      policy: { ...POLICY, scope: { team: 'x' } },
      path: 'scope.team',
      code: 'KEY_UNKNOWN',
    },
    { name: 'with a slug in capitals', policy: { ...POLICY, slug: 'A' }, path: 'slug', code: 'SHAPE' },
    { name: 'whose name gives no slug', policy: { ...POLICY, name: '規則' }, path: 'name', code: 'SHAPE' },
    {
      name: 'with a time that is none',
      policy: { ...POLICY, created_at: '2025-02-30' },
      path: 'created_at',
      code: 'SHAPE',
    },
    {
      name: 'with a framework alone',
      policy: { ...POLICY, framework_mapping: [{ framework: 'X' }] },
      path: 'framework_mapping[0].clause',
      code: 'SHAPE',
    },
    { name: 'with an unknown effect', policy: { ...POLICY, effect: 'alow' }, path: 'effect', code: 'EFFECT_UNKNOWN' },
    {
      name: 'with a role that is no name',
      policy: { ...POLICY, effect: { type: 'require_approval', role: 'the boss' } },
      path: 'effect.role',
      code: 'SHAPE',
    },
    {
      name: 'with a misspelt redaction',
      policy: { ...POLICY, effect: { type: 'redact', redact_config: { methd: 'mask' } } },
      path: 'effect.redact_config.methd',
      code: 'KEY_UNKNOWN',
    },
    {
      name: 'with a masked path that is none',
      policy: { ...POLICY, effect: { type: 'redact', redact_config: { mask_fields: ['ssn', 'a..b'] } } },
      path: 'effect.redact_config.mask_fields[1]',
      code: 'SHAPE',
    },
    {
      name: 'with a search beside masked members',
      policy: { ...POLICY, effect: { type: 'redact', redact_config: { mask_fields: ['ssn'], method: 'hash' } } },
      path: 'effect.redact_config.mask_fields',
      code: 'SHAPE',
    },
    {
      name: 'of an unknown type',
      policy: { name: 'T', type: 'rate_limt', action: 'deny', priority: 1, config: {} },
      path: 'type',
      code: 'TYPE_UNKNOWN',
    },
    {
      name: 'of a type that cannot do that',
      policy: {
        name: 'T',
        type: 'rate_limit',
        action: 'allow',
        priority: 1,
        config: { max_requests: 1, window_seconds: 1 },
      },
      path: 'action',
      code: 'SHAPE',
    },
    {
      name: 'with a config that the type does not know',
      policy: {
        name: 'T',
        type: 'rate_limit',
        action: 'deny',
        priority: 1,
        config: { max_requests: 1, window_secs: 1 },
      },
      path: 'config.window_secs',
      code: 'KEY_UNKNOWN',
    },
    {
      name: 'with an effect without a type',
      policy: { ...POLICY, effect: { deny_reason_code: 'X' } },
      path: 'effect',
      code: 'SHAPE',
    },
    { name: 'with a list of effects', policy: { ...POLICY, effect: ['deny'] }, path: 'effect', code: 'SHAPE' },
    {
      name: 'with a reason on an allow',
      policy: { ...POLICY, effect: { type: 'allow', deny_reason_code: 'X' } },
      path: 'effect.deny_reason_code',
      code: 'KEY_UNKNOWN',
    },
    {
      name: 'with a reason of two words',
      policy: { ...POLICY, effect: { type: 'deny', deny_reason_code: 'A B' } },
      path: 'effect.deny_reason_code',
      code: 'SHAPE',
    },
    {
      name: 'with an empty message',
      policy: { ...POLICY, effect: { type: 'deny', deny_user_message: '' } },
      path: 'effect.deny_user_message',
      code: 'SHAPE',
    },
    {
      name: 'that is disabled and wrong',
      policy: { ...POLICY, status: 'disabled', effect: 'x' },
      path: 'effect',
      code: 'EFFECT_UNKNOWN',
    },
  ])('$name', ({ policy, path, code }) => {
    expect(problemsOf(source({ 'p/a.json': policy }))).toContain(`p/a.json ${path} ERR_POLICY_${code}`);
  });
});

describe('compileBundle refuses a source', () => {
  const set = MANIFEST.sets[0];
  const manifest = (change: object): Files => ({ 'bundle.yaml': { ...MANIFEST, ...change }, 'p/a.json': POLICY });
  const sets = (change: object): Files => manifest({ sets: [{ ...set, ...change }] });
  test.each<{ name: string; given: Files; problem: string }>([
    { name: 'without bundle.yaml', given: { 'p/a.json': POLICY }, problem: 'bundle.yaml  ERR_BUNDLE_LAYOUT' },
    { name: 'with both layouts', given: { ...manifest({}), '.manifest': {} }, problem: '.manifest  ERR_BUNDLE_LAYOUT' },
    {
      name: 'of another format',
      given: manifest({ format: 'portcullis.policy/2' }),
      problem: 'bundle.yaml format ERR_POLICY_SHAPE',
    },
    {
      name: 'without a version',
      given: manifest({ version: undefined }),
      problem: 'bundle.yaml version ERR_POLICY_SHAPE',
    },
    {
      name: 'with a version that is none',
      given: manifest({ version: '1.0' }),
      problem: 'bundle.yaml version ERR_POLICY_SHAPE',
    },
    {
      name: 'with an unknown default',
      given: manifest({ default: 'ask' }),
      problem: 'bundle.yaml default ERR_POLICY_SHAPE',
    },
    {
      name: 'with an unknown key',
      given: manifest({ defualt: 'deny' }),
      problem: 'bundle.yaml defualt ERR_POLICY_KEY_UNKNOWN',
    },
    {
      name: 'without combining',
      given: sets({ combining: undefined }),
      problem: 'bundle.yaml sets[0].combining ERR_POLICY_SHAPE',
    },
    {
      name: 'with unknown combining',
      given: sets({ combining: 'vote' }),
      problem: 'bundle.yaml sets[0].combining ERR_POLICY_SHAPE',
    },
    {
      name: 'without priority_order',
      given: sets({ priority_order: undefined }),
      problem: 'bundle.yaml sets[0].priority_order ERR_POLICY_SHAPE',
    },
    {
      name: 'with unknown priority_order',
      given: sets({ priority_order: 'up' }),
      problem: 'bundle.yaml sets[0].priority_order ERR_POLICY_SHAPE',
    },
    {
      name: 'with an unknown layer',
      given: sets({ layer: 'team' }),
      problem: 'bundle.yaml sets[0].layer ERR_POLICY_SHAPE',
    },
    {
      name: 'with a folder that is not there',
      given: sets({ policies: 'q' }),
      problem: 'bundle.yaml sets[0].policies ERR_BUNDLE_LAYOUT',
    },
    {
      name: 'with a folder outside',
      given: sets({ policies: '../q' }),
      problem: 'bundle.yaml sets[0].policies ERR_BUNDLE_NAME',
    },
    {
      name: 'with two sets of one name',
      given: manifest({ sets: [set, { ...set, policies: 'q' }] }),
      problem: 'bundle.yaml sets[1].name ERR_BUNDLE_LAYOUT',
    },
    {
      name: 'with a folder inside another set',
      given: manifest({ sets: [set, { ...set, name: 't', policies: 'p/q' }] }),
      problem: 'bundle.yaml sets[1].policies ERR_BUNDLE_LAYOUT',
    },
    {
      name: 'with a policy that no set loads',
      given: { ...manifest({}), 'other/a.yaml': POLICY },
      problem: 'other/a.yaml  ERR_BUNDLE_FILE_UNEXPECTED',
    },
    {
      name: 'with a policy file of another kind',
      given: { ...manifest({}), 'p/a.YAML': POLICY },
      problem: 'p/a.YAML  ERR_BUNDLE_FILE_UNEXPECTED',
    },
    {
      name: 'with names that differ in case',
      given: { ...manifest({}), 'p/A.json': POLICY },
      problem: 'p/a.json  ERR_BUNDLE_NAME',
    },
    {
      name: 'with a name that climbs',
      given: { ...manifest({}), 'p/../x.json': POLICY },
      problem: 'p/../x.json  ERR_BUNDLE_NAME',
    },
    {
      name: 'with two policies of one slug',
      given: { ...manifest({}), 'p/b.json': { ...POLICY, name: 'a Rule!' } },
      problem: 'p/b.json slug ERR_POLICY_SLUG_DUPLICATE',
    },
    {
      name: 'with a scope that contradicts the set',
      given: { ...sets({ tenant: 'acme' }), 'p/a.json': { ...POLICY, scope: { tenant: 'globex' } } },
      problem: 'p/a.json scope.tenant ERR_POLICY_SCOPE_CONTRADICTS',
    },
  ])('$name', ({ given, problem }) => {
    expect(problemsOf(files(given))).toContain(problem);
  });

  test('with every problem of every file, in reading order', () => {
    const given = source({
      'p/b.yaml': 'name: B\nwhen: always\neffect: alow\npriority: 500\n',
      'p/a.yaml':
        '- name: A\n  when: {field: user.tem, operator: equals, value: x}\n  effect: deny\n  priority: 1\n- []\n',
    });
    const result = compileBundle(given);
    expect(result.ok ? [] : result.problems.map((problem) => formatProblem(problem))).toEqual([
      'p/a.yaml:2:17 [0].when.field: unknown field "user.tem"; did you mean "user.team"? (ERR_POLICY_FIELD_UNKNOWN)',
      'p/a.yaml:5:3 [1]: expected a policy: an object with name, when, effect and priority (ERR_POLICY_SHAPE)',
      'p/b.yaml:3:9 effect: unknown effect "alow"; did you mean "allow"? (ERR_POLICY_EFFECT_UNKNOWN)',
      expect.stringMatching(/^p\/b\.yaml:4:11 priority: priority: .* \(ERR_POLICY_SHAPE\)$/),
    ]);
  });
});

describe('compileBundle takes', () => {
  test('papers among policies and tests beside them', () => {
    const given = source({
      'p/a.json': POLICY,
      'p/README.md': 'x',
      'README.md': 'x',
      'tests/a.yaml': '{',
      LICENSE: 'x',
    });
    expect(problemsOf(given)).toEqual([]);
  });

  test('an effect as object or as word', () => {
    expect(firstRule({ ...POLICY, effect: { type: 'allow' } })?.effect).toEqual(firstRule(POLICY)?.effect);
    expect(firstRule({ ...POLICY, effect: 'deny' })?.effect).toEqual({ type: 'deny' });
    expect(
      firstRule({ ...POLICY, effect: { type: 'deny', deny_reason_code: 'X', deny_user_message: 'No.' } })?.effect,
    ).toEqual({
      type: 'deny',
      code: 'X',
      message: 'No.',
    });
  });

  test.each([
    { name: 'Finance Team External LLM Restriction', slug: 'finance-team-external-llm-restriction' },
    { name: '  Überprüfung — №2 ', slug: 'uberprufung-no2' },
    { name: 'a__b', slug: 'a-b' },
  ])('the slug $slug from the name "$name"', ({ name, slug }) => {
    expect(firstRule({ ...POLICY, name })?.id).toBe(slug);
  });

  test('plain data that survives a structured clone and JSON', () => {
    const result = compileBundle(source({ 'p/a.json': { ...POLICY, when: { field: 'user.id', operator: 'exists' } } }));
    if (!result.ok) throw new Error('not compiled');
    expect(structuredClone(result.value)).toEqual(result.value);
    expect(JSON.parse(JSON.stringify(result.value))).toEqual(result.value);
  });

  test('nothing that is not active', () => {
    const result = compileBundle(source({ 'p/a.json': { ...POLICY, status: 'archived' } }));
    expect(result.ok && result.value.sets[0]?.rules).toEqual([]);
  });

  test('the layers in their order, however they are listed', () => {
    const sets = ['workspace', 'platform', 'tenant'].map((layer) => ({
      ...MANIFEST.sets[0],
      layer,
      name: layer,
      policies: layer,
    }));
    const given = files({
      'bundle.yaml': { ...MANIFEST, sets },
      'workspace/a.json': POLICY,
      'platform/a.json': POLICY,
      'tenant/a.json': POLICY,
    });
    const result = compileBundle(given);
    expect(result.ok && result.value.sets.map((set) => set.layer)).toEqual(['platform', 'tenant', 'workspace']);
  });
});
