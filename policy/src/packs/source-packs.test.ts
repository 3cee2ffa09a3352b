import { describe, expect, test } from '@jest/globals';
import { compileBundle } from '../engine/compile.js';
import { formatProblem } from '../model/problem.js';

const PACK = `format: portcullis.pack/1
name: limits
version: 1.2.0
title: Limits
description: A pack of a test.
category: tools
layer: tenant
combining: priority
priority_order: desc
parameters:
  limit: { type: integer, minimum: 1, maximum: 9, default: 5, description: How much. }
  models: { type: array, items: { type: string }, default: [], description: Which. }
framework_mapping: [{ framework: SOC_2, clause: CC6.1 }]
`;
const POLICIES = `- name: Too much
  when: { field: request.max_tokens, operator: greater_than, value: '\${limit}' }
  effect: deny
  priority: 50
- if_parameter: models
  name: Known models
  when: { field: request.model, operator: in, value: '\${models}' }
  effect: allow
  priority: 40
  framework_mapping: [{ framework: GDPR, clause: Art. 25 }]
`;
const BUNDLE = `format: portcullis.policy/1
name: acme
version: 1.0.0
sets:
`;

function compile(sets: string, files: Readonly<Record<string, string>> = {}) {
  const all = {
    'bundle.yaml': BUNDLE + sets,
    'packs/limits/pack.yaml': PACK,
    'packs/limits/policies/limits.yaml': POLICIES,
    'packs/limits/tests/limits.yaml': 'anything: at all',
    'packs/limits/README.md': '# limits',
    ...files,
  };
  const encoder = new TextEncoder();
  return compileBundle(new Map(Object.entries(all).map(([name, text]) => [name, encoder.encode(text)])));
}

function problems(sets: string, files: Readonly<Record<string, string>> = {}): readonly string[] {
  const compiled = compile(sets, files);
  return compiled.ok ? [] : compiled.problems.map(formatProblem);
}

function setsOf(sets: string) {
  const compiled = compile(sets);
  if (!compiled.ok) throw new Error(compiled.problems.map(formatProblem).join('\n'));
  return compiled.value.sets;
}

describe('a set of a pack', () => {
  test('becomes one set with the defaults, and carries the name and version of the pack', () => {
    const [set] = setsOf('  - { name: limits, layer: tenant, pack: packs/limits }');
    expect(set).toMatchObject({ name: 'limits', layer: 'tenant', combining: 'priority', pack: 'limits@1.2.0' });
    expect(set?.rules.map((rule) => rule.id)).toEqual(['too-much']);
    expect(set?.rules[0]?.when).toMatchObject({ literal: 5 });
    expect(set?.rules[0]).toMatchObject({ file: 'packs/limits/policies/limits.yaml', line: 1 });
  });

  test('gives a policy the clauses of the pack unless it names its own', () => {
    const [set] = setsOf('  - { name: limits, layer: tenant, pack: packs/limits, parameters: { models: [m] } }');
    expect(set?.rules.map((rule) => rule.frameworks[0]?.framework)).toEqual(['SOC_2', 'GDPR']);
  });

  test('may be combined otherwise than the pack says, and be for a tenant', () => {
    const text = 'combining: deny_overrides, priority_order: asc, tenant: t1';
    const [set] = setsOf(`  - { name: limits, layer: tenant, pack: packs/limits, ${text} }`);
    expect(set).toMatchObject({ combining: 'deny_overrides', priorityOrder: 'asc' });
    expect(set?.rules[0]?.scope).toMatchObject([{ field: 'tenant_id', literal: 't1' }]);
  });

  test('becomes one more set for each distinct value of an environment', () => {
    const environments = 'prod: { limit: 2 }, staging: { limit: 2 }, dev: { limit: 5 }';
    const sets = setsOf(`  - { name: limits, layer: tenant, pack: packs/limits, environments: { ${environments} } }`);
    expect(sets.map((set) => [set.name, set.rules[0]?.when, set.rules[0]?.scope[0]])).toMatchObject([
      ['limits', { literal: 5 }, { field: 'context.environment', negated: true, literal: ['prod', 'staging'] }],
      [
        'limits.staging-prod',
        { literal: 2 },
        { field: 'context.environment', negated: false, literal: ['staging', 'prod'] },
      ],
    ]);
  });

  test('can be made twice of one pack', () => {
    const sets = setsOf(
      '  - { name: a, layer: tenant, tenant: a, pack: packs/limits }\n  - { name: b, layer: tenant, tenant: b, pack: ./packs/limits/ }',
    );
    expect(sets.map((set) => set.name)).toEqual(['a', 'b']);
  });
});

describe('problems', () => {
  const SET = '  - { name: limits, layer: tenant, pack: packs/limits';

  test.each<[name: string, sets: string, files: Readonly<Record<string, string>>, expected: readonly string[]]>([
    [
      'an unknown parameter and a wrong value are both named, at their places',
      `${SET}, parameters: { limt: 1, models: [1] } }`,
      {},
      [
        'bundle.yaml:5:70 sets[0].parameters.limt: the pack has no parameter "limt"; did you mean "limit"? (ERR_PACK_PARAMETER)',
        'bundle.yaml:5:88 sets[0].parameters.models[0]: models[0] must be string (ERR_PACK_PARAMETER)',
      ],
    ],
    [
      'a wrong value for an environment',
      `${SET}, environments: { prod: { limit: 10 } } }`,
      {},
      ['bundle.yaml:5:87 sets[0].environments.prod.limit: limit must be <= 9 (ERR_PACK_PARAMETER)'],
    ],
    [
      'an unknown environment',
      `${SET}, environments: { production: { limit: 1 } } }`,
      {},
      ['bundle.yaml:5:72 sets[0].environments.production: unknown key "production" (ERR_POLICY_KEY_UNKNOWN)'],
    ],
    [
      'a scope in place of values',
      `${SET}, environments: { only: [prod] } }`,
      {},
      [
        'bundle.yaml:5:70 sets[0].environments: in a set of a pack, environments gives parameters by environment, such as prod: {limit: 5} (ERR_POLICY_SHAPE)',
      ],
    ],
    [
      'parameters without a pack',
      '  - { name: a, layer: tenant, combining: priority, priority_order: asc, policies: packs/limits/policies, parameters: {} }',
      {},
      [
        'bundle.yaml:5:118 sets[0].parameters: only a set of a pack has parameters (ERR_POLICY_SHAPE)',
        'packs/limits/pack.yaml: no set loads this file (ERR_BUNDLE_FILE_UNEXPECTED)',
        'packs/limits/tests/limits.yaml: no set loads this file (ERR_BUNDLE_FILE_UNEXPECTED)',
      ],
    ],
    [
      'both a pack and policies',
      `${SET}, policies: packs/limits/policies }`,
      {},
      ['bundle.yaml:5:66 sets[0].policies: a set is of policies or of a pack, not of both (ERR_POLICY_SHAPE)'],
    ],
    [
      'no pack in the folder',
      '  - { name: a, layer: tenant, pack: packs/other }\n',
      {},
      [
        'packs/limits/pack.yaml: no set loads this file (ERR_BUNDLE_FILE_UNEXPECTED)',
        'packs/limits/policies/limits.yaml: no set loads this file (ERR_BUNDLE_FILE_UNEXPECTED)',
        'packs/limits/tests/limits.yaml: no set loads this file (ERR_BUNDLE_FILE_UNEXPECTED)',
        'packs/other/pack.yaml: pack.yaml is missing: the file that names the pack and its parameters (ERR_BUNDLE_LAYOUT)',
      ],
    ],
    [
      'a policy outside the folder of policies',
      `${SET} }`,
      { 'packs/limits/extra.yaml': 'x: y' },
      [
        'packs/limits/extra.yaml: a pack is pack.yaml, policies/, tests/ and papers (*.md, LICENSE) (ERR_BUNDLE_FILE_UNEXPECTED)',
      ],
    ],
    [
      'a required pack that is missing, and one of another version',
      `${SET} }\n  - { name: other, layer: tenant, pack: packs/other }\n`,
      {
        'packs/limits/pack.yaml': `${PACK}requires: { base: ^1.0.0, other: ^2.0.0 }\n`,
        'packs/other/pack.yaml': PACK.replace('name: limits', 'name: other').replace(
          'version: 1.2.0',
          'version: 1.9.0',
        ),
        'packs/other/policies/limits.yaml': POLICIES,
      },
      [
        'packs/limits/pack.yaml:14:19 requires.base: limits@1.2.0 needs base: no set of the bundle uses it; add one with "portcullis pack add base" (any version in ^1.0.0) (ERR_PACK_REQUIRES)',
        'packs/limits/pack.yaml:14:34 requires.other: limits@1.2.0 needs other: the bundle uses 1.9.0, which is not in ^2.0.0; upgrade it with "portcullis pack upgrade other" (ERR_PACK_REQUIRES)',
      ],
    ],
    [
      'packs that require each other',
      `${SET} }\n  - { name: other, layer: tenant, pack: packs/other }\n`,
      {
        'packs/limits/pack.yaml': `${PACK}requires: { other: '*' }\n`,
        'packs/other/pack.yaml': `${PACK.replace('name: limits', 'name: other')}requires: { limits: '*' }\n`,
        'packs/other/policies/limits.yaml': POLICIES,
      },
      [
        'packs/limits/pack.yaml:14:20 requires.other: packs require each other in a circle: limits -> other -> limits (ERR_PACK_REQUIRES)',
      ],
    ],
    [
      'a range that is none',
      `${SET} }`,
      { 'packs/limits/pack.yaml': `${PACK}requires: { base: newest }\n` },
      [
        'packs/limits/pack.yaml:14:19 requires.base: limits@1.2.0 needs base: "newest" is not a range of versions (ERR_PACK_REQUIRES)',
      ],
    ],
    [
      'a default that its own schema refuses, a schema that is none, a parameter that nothing uses',
      `${SET} }`,
      {
        'packs/limits/pack.yaml': PACK.replace('default: 5', 'default: 50')
          .replace('items: { type: string }', 'items: { type: text }')
          .replace('parameters:\n', 'parameters:\n  idle: { type: boolean, description: Nothing. }\n'),
      },
      [
        'packs/limits/pack.yaml:11:3 parameters.idle: no policy uses idle (ERR_PACK_SHAPE)',
        'packs/limits/pack.yaml:12:60 parameters.limit.default: the default must be <= 9 (ERR_PACK_PARAMETER)',
        expect.stringMatching(
          /^packs\/limits\/pack\.yaml:13:11 parameters\.models: the schema of models is not usable: /,
        ) as unknown as string,
      ],
    ],
    [
      'a parameter without a default that is not given',
      `${SET}, parameters: {} }`,
      { 'packs/limits/pack.yaml': PACK.replace('default: 5, ', '') },
      [
        'bundle.yaml:5:68 sets[0].parameters: the parameter limit of limits@1.2.0 has no default: give it a value (ERR_PACK_PARAMETER)',
      ],
    ],
    [
      'a problem of a template once, whatever the number of environments',
      `${SET}, environments: { prod: { limit: 1 }, dev: { limit: 2 } } }`,
      { 'packs/limits/policies/limits.yaml': POLICIES.replace('name: Too much', `name: 'Over \${limt}'`) },
      [
        'packs/limits/policies/limits.yaml:1:9 [0].name: there is no parameter "limt"; did you mean "limit"? (ERR_PACK_TEMPLATE)',
      ],
    ],
    [
      'two sets of one name, one of them for an environment',
      `${SET}, environments: { prod: { limit: 1 } } }\n  - { name: limits.prod, layer: tenant, pack: packs/limits }`,
      {},
      [
        'bundle.yaml sets: two sets are called "limits.prod", one of which is limits@1.2.0 for an environment (ERR_BUNDLE_LAYOUT)',
      ],
    ],
    [
      'a key that packs do not have',
      `${SET} }`,
      { 'packs/limits/pack.yaml': PACK.replace('priority_order: desc', 'priority_order: desc\nrequire: {}') },
      ['packs/limits/pack.yaml:10:1 require: unknown key "require"; did you mean "requires"? (ERR_POLICY_KEY_UNKNOWN)'],
    ],
  ])('%s', (_name, sets, files, expected) => {
    expect(problems(sets, files)).toEqual(expected);
  });
});
