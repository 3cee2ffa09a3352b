import { describe, expect, test } from '@jest/globals';
import { createFindings, excerptOf } from '../dsl/findings.js';
import type { PolicySource } from '../dsl/policy-head.js';
import { parseSourceDocument } from '../dsl/source-document.js';
import type { Json, JsonObject } from '../model/request.js';
import { fillTemplate } from './fill.js';

const VALUES: JsonObject = {
  limit: 100,
  strict: true,
  role: 'boss',
  roots: ['/srv/a.b', '/data'],
  empty: [],
  teams: { finance: ['m1'], sales: ['m2', 'm3'] },
  terms: { quorum: 2 },
  choice: 'finance',
  forms: { true: 'yes', false: 'no' },
};

function template(text: string): PolicySource {
  const document = parseSourceDocument('p.yaml', new TextEncoder().encode(text));
  if (!document.ok) throw new Error('the template of the test is not YAML');
  return { ...excerptOf(document.value, ''), document: document.value.value };
}

function fill(text: string): { filled: PolicySource | undefined; problems: readonly string[] } {
  const findings = createFindings();
  const filled = fillTemplate({ template: template(text), values: VALUES, findings });
  const problems = findings.sorted().map(({ line, column, path, message }) => `${line}:${column} ${path} ${message}`);
  return { filled, problems };
}

describe('a reference', () => {
  test.each<[name: string, written: string, expected: Json]>([
    ['alone becomes the number', `'\${limit}'`, 100],
    ['alone becomes the boolean', `'\${strict}'`, true],
    ['alone becomes the list', `'\${roots}'`, ['/srv/a.b', '/data']],
    ['to a member', `'\${terms.quorum}'`, 2],
    ['to the member that a value names', `'\${teams.$choice}'`, ['m1']],
    ['to the member that a boolean names', `'\${forms.$strict}'`, 'yes'],
    ['inside a text becomes text', `'at most \${limit}, ask \${role}'`, 'at most 100, ask boss'],
    ['escaped stays as it is', `'$\${limit} \${limit}'`, `\${limit} 100`],
    ['as a pattern is quoted', `'^\${roots|regex}/'`, '^(?:/srv/a\\.b|/data)/'],
    ['as a lone pattern is quoted too', `'\${role|regex}'`, '(?:boss)'],
    ['as a pattern of nothing matches nothing', `'^\${empty|regex}$'`, '^[^\\x00-\\x{10FFFF}]$'],
    ['in a list is one element', `['\${role}', x]`, ['boss', 'x']],
  ])('%s', (_name, written, expected) => {
    const { filled, problems } = fill(`value: ${written}`);
    expect(problems).toEqual([]);
    expect(filled?.document).toEqual({ value: expected });
  });

  test.each([
    ['an unknown parameter', `v: \${limits}`, '1:4 v there is no parameter "limits"; did you mean "limit"?'],
    ['an unknown member', `v: '\${terms.size}'`, '1:4 v terms has no member "size"'],
    [
      'a list inside a text',
      `v: 'x \${roots}'`,
      '1:4 v roots is not a text or a number here, so it cannot stand inside a longer text',
    ],
    ['no name', `v: '\${1,2}'`, `1:4 v "\${1,2}" does not name a parameter; a plain "\${" is written "$\${"`],
    ['an unknown filter', `v: '\${role|upper}'`, `1:4 v "\${role|upper}": there is no filter "upper" (there is regex)`],
    [
      'a pattern of a map',
      `v: '\${teams|regex}'`,
      '1:4 v teams is not a text or a list of texts, so it cannot become a pattern',
    ],
    ['a prototype', `v: '\${constructor}'`, '1:4 v there is no parameter "constructor"'],
  ])('to %s is a problem at its place', (_name, text, expected) => {
    expect(fill(text).problems).toEqual([expected]);
  });
});

describe('for_each', () => {
  test('repeats a part for each element, in place', () => {
    const { filled } = fill(`[a, {for_each: roots, as: root, do: 'in \${root}'}, z]`);
    expect(filled?.document).toEqual(['a', 'in /srv/a.b', 'in /data', 'z']);
  });

  test('repeats a part for each entry of a map', () => {
    const { filled } = fill(`[{for_each: teams, as: team, do: {team: '\${team.key}', models: '\${team.value}'}}]`);
    expect(filled?.document).toEqual([
      { team: 'finance', models: ['m1'] },
      { team: 'sales', models: ['m2', 'm3'] },
    ]);
  });

  test('nests', () => {
    const { filled } = fill(
      `[{for_each: teams, as: team, do: [{for_each: '\${team.value}', as: model, do: '\${team.key}/\${model}'}]}]`,
    );
    expect(filled?.document).toEqual([['finance/m1'], ['sales/m2', 'sales/m3']]);
  });

  test('tells where the parts that it made come from', () => {
    const { filled } = fill(
      `when:\n  - first\n  - for_each: roots\n    as: root\n    do: { field: x, value: "\${root}" }\n`,
    );
    expect(filled?.at('when[2].value')).toEqual([5, 28]);
    expect(filled?.at('when[1].field')).toEqual([5, 18]);
    expect(filled?.at('when[0]')).toEqual([2, 5]);
  });

  test.each([
    [
      'no list',
      '[{for_each: role, as: x, do: y}]',
      '1:13 [0].for_each for_each names a parameter that is a list or a map',
    ],
    ['no part', '[{for_each: roots, as: x}]', '1:2 [0] for_each needs "do": the part that is repeated'],
    [
      'no name',
      '[{for_each: roots, do: y}]',
      '1:2 [0].as for_each needs "as": a name of lower-case letters, digits and _',
    ],
    [
      'a taken name',
      '[{for_each: roots, as: role, do: y}]',
      '1:24 [0].as "role" is already the name of a parameter or of an element',
    ],
    ['another key', '[{for_each: roots, as: x, do: y, if: z}]', '1:38 [0].if for_each takes as and do, not "if"'],
  ])('with %s is a problem', (_name, text, expected) => {
    expect(fill(text).problems).toEqual([expected]);
  });
});

describe('if_parameter', () => {
  test('leaves the policy out when the parameter is empty, and is no part of it otherwise', () => {
    expect(fill('{ if_parameter: empty, name: x }')).toEqual({ filled: undefined, problems: [] });
    expect(fill('{ if_parameter: roots, name: x }').filled?.document).toEqual({ name: 'x' });
  });

  test('has an opposite', () => {
    expect(fill('{ unless_parameter: roots, name: x }')).toEqual({ filled: undefined, problems: [] });
    expect(fill('{ unless_parameter: empty, name: x }').filled?.document).toEqual({ name: 'x' });
  });

  test('leaves out an element of a list', () => {
    const { filled } = fill(`[{ if_parameter: empty, a: 1 }, { unless_parameter: empty, b: '\${limit}' }]`);
    expect(filled?.document).toEqual([{ b: 100 }]);
  });

  test('is not needed for a single value', () => {
    const { filled } = fill(`{ a: '\${empty?}', b: '\${role?}', c: ['\${empty?}', '\${limit?}'] }`);
    expect(filled?.document).toEqual({ b: 'boss', c: [100] });
  });

  test('must name a parameter', () => {
    expect(fill('{ if_parameter: root, name: x }').problems).toEqual([
      '1:17 if_parameter if_parameter names a parameter of the pack; did you mean "roots"?',
    ]);
  });
});
