import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Json } from '../model/index.js';
import { formatPolicyFile, printPolicy } from './print.js';
import { parseSourceDocument } from './source-document.js';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function format(text: string, file = 'p.yaml'): string {
  const formatted = formatPolicyFile(file, bytes(text));
  if (!formatted.ok) throw new Error(JSON.stringify(formatted.problems));
  return formatted.value;
}

function parse(text: string): Json {
  const parsed = parseSourceDocument('p.yaml', bytes(text));
  if (!parsed.ok) throw new Error(`${JSON.stringify(parsed.problems)} in ${text}`);
  return parsed.value.value;
}

const FINANCE = {
  priority: 90,
  effect: { deny_reason_code: 'X', type: 'deny', deny_user_message: 'Not through an external model, please.' },
  when: {
    conditions: [
      { value: ['finance', 'treasury'], operator: 'in', field: 'user.team' },
      { operator: 'not', conditions: [{ field: 'request.stream', operator: 'equals', value: true }] },
    ],
    operator: 'and',
  },
  name: 'Finance: no external models',
  on: ['inference'],
};

describe('printPolicy', () => {
  test('prints keys in the order of the language, and leaves on one line', () => {
    expect(printPolicy(FINANCE)).toBe(`name: "Finance: no external models"
on: [inference]
when:
  operator: and
  conditions:
    - { field: user.team, operator: in, value: [finance, treasury] }
    - operator: not
      conditions:
        - { field: request.stream, operator: equals, value: true }
effect: { type: deny, deny_reason_code: X, deny_user_message: "Not through an external model, please." }
priority: 90
`);
  });

  test('what is too long for a line becomes a block', () => {
    const text = printPolicy({
      name: 'x',
      when: { field: 'tool.name', operator: 'in', value: Array(30).fill('a tool') },
    });
    expect(text).toContain('when:\n  field: tool.name\n  operator: in\n  value:\n    - a tool\n');
  });

  test('a list of policies is a list', () => {
    expect(printPolicy([{ name: 'a', when: 'always' }, { name: 'b' }])).toBe('- name: a\n  when: always\n- name: b\n');
  });

  test('reading it back gives the same value, whatever the texts are', () => {
    const scalar = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string(),
      fc
        .array(fc.constantFrom('a', 'word', ' ', ': ', '#x', '- b', 'x'.repeat(90), '\\', '"'), {
          minLength: 20,
          maxLength: 60,
        })
        .map((words) => words.join(' ')),
      fc.constantFrom(
        'yes',
        'no',
        'on',
        '~',
        'null',
        '1.0',
        '0x10',
        '- a',
        '#',
        ' a',
        'a ',
        'a\nb',
        '\ta',
        ': ',
        '|',
        '1e3',
        '.inf',
      ),
      fc.integer(),
      fc
        .double({ noNaN: true, noDefaultInfinity: true })
        .filter((n) => !Number.isInteger(n) || Number.isSafeInteger(n)),
      fc.boolean(),
    );
    const condition = fc.letrec<{ node: Json }>((tie) => ({
      node: fc.oneof(
        { depthSize: 'small', withCrossShrink: true },
        fc.record({ field: scalar, operator: scalar, value: fc.oneof(scalar, fc.array(scalar)) }) as fc.Arbitrary<Json>,
        fc.record({ operator: fc.constantFrom('and', 'or'), conditions: fc.array(tie('node'), { maxLength: 3 }) }),
      ),
    })).node;
    const policy = fc.record(
      {
        priority: scalar,
        when: condition,
        name: scalar,
        effect: fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), scalar),
      },
      { requiredKeys: ['name'] },
    );
    fc.assert(
      fc.property(fc.oneof(policy, fc.array(policy, { minLength: 1, maxLength: 3 })), (value) => {
        fc.pre(JSON.stringify(value).isWellFormed());
        const text = printPolicy(value);
        expect(parse(text)).toEqual(value);
        expect(format(text)).toBe(text);
      }),
      { numRuns: 200 },
    );
  });
});

describe('formatPolicyFile', () => {
  const WRITTEN = `# About this file

# About the policy
priority:   10   # low
name: "Reads"
# What it is about
when: {operator: equals, field: tool.name, value: 'read'}

effect: allow
`;

  test('keeps comments with what they stand before', () => {
    expect(format(WRITTEN)).toBe(`# About this file

# About the policy
name: Reads
# What it is about
when: { field: tool.name, operator: equals, value: read }
effect: allow
priority: 10 # low
`);
  });

  test.each([
    ['comments', WRITTEN],
    ['a list with comments', '# top\n- priority: 1\n  name: a # x\n  # in between\n\n- # before b\n  name: b\n'],
    [
      'comments inside a condition',
      'name: a\nwhen:\n  operator: and # all\n  conditions:\n    # first\n    - {field: a, operator: exists}\n    # last\n',
    ],
    ['anchors', 'name: a\nwhen: {field: x, operator: in, value: &v [1, 2]}\nscope: *v\n'],
    ['block texts', 'priority: 1\ndescription: |\n  one\n   two\nname: >-\n  folded\n  text\n'],
    ['a document marker', '---\npriority: 1\nname: a\n...\n'],
    ['Windows line ends', 'priority: 1\r\nname: a\r\n'],
    ['flow at the top', '{priority: 1, name: a, effect: {}}\n'],
    ['a byte order mark', '\uFEFFname: a\n'],
  ])('is idempotent and changes nothing that is said: %s', (_name, text) => {
    const once = format(text);
    expect(format(once)).toBe(once);
    expect(parse(once)).toEqual(parse(text));
  });

  test('prose is folded, and patterns keep their backslashes', () => {
    const text = `${'word '.repeat(60).trim()}.`;
    const once = format(
      `name: a\ndescription: ${text}\nwhen: { field: tool.name, operator: regex_match, value: "^a\\\\.b$" }\n`,
    );
    expect(once).toMatch(/^name: a\ndescription: >-\n( {2}(word ?)+\n)+ {2}(word ?)+\.\nwhen: /);
    expect(once).toContain("value: '^a\\.b$'");
    expect(Math.max(...once.split('\n').map((line) => line.length))).toBeLessThanOrEqual(128);
  });

  test('no comment is lost', () => {
    const once = format(
      '# 1\n- priority: 1 # 2\n  # 3\n  name: a # 4\n  when: # 5\n    { field: a, # 6\n     operator: exists } # 7\n# 8\n',
    );
    for (const number of ['1', '2', '3', '4', '5', '6', '7', '8']) expect(once).toContain(`# ${number}`);
  });

  test('JSON stays JSON', () => {
    expect(format('{"priority": 1, "name": "a", "on": ["egress"]}', 'p.json')).toBe(
      '{\n  "name": "a",\n  "on": [\n    "egress"\n  ],\n  "priority": 1\n}\n',
    );
  });

  test('a file that cannot be read is a problem with a place', () => {
    const formatted = formatPolicyFile('p.yaml', bytes('a: [1\n'));
    expect(formatted).toMatchObject({ ok: false, problems: [{ code: 'ERR_POLICY_SYNTAX', file: 'p.yaml' }] });
  });
});
