import { describe, expect, test } from '@jest/globals';
import { DOCUMENT_LIMITS, parseSourceDocument } from './source-document.js';

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const parse = (text: string) => parseSourceDocument('p.yaml', utf8(text));

describe('parseSourceDocument reads', () => {
  test('YAML and JSON into the same data', () => {
    const yaml = parse('name: A\nwhen:\n  - {x: 1, y: [true, null, 0.5]}\n');
    const json = parse('{"name": "A", "when": [{"x": 1, "y": [true, null, 0.5]}]}');
    expect(yaml.ok && yaml.value.value).toEqual({ name: 'A', when: [{ x: 1, y: [true, null, 0.5] }] });
    expect(json.ok && json.value.value).toEqual(yaml.ok && yaml.value.value);
  });

  test.each([
    { text: 'on: [on, yes, no, off]', value: { on: ['on', 'yes', 'no', 'off'] }, why: 'YAML 1.1 booleans are texts' },
    { text: 'at: 2025-01-01T00:00:00Z', value: { at: '2025-01-01T00:00:00Z' }, why: 'times are texts' },
    { text: 'a: 1_000', value: { a: '1_000' }, why: 'digits with underscores are texts' },
    { text: '<<: {a: 1}', value: { '<<': { a: 1 } }, why: 'there is no merge key' },
    { text: '1: one', value: { '1': 'one' }, why: 'keys are texts' },
    { text: 'a: &x [1]\nb: *x', value: { a: [1], b: [1] }, why: 'a few aliases are fine' },
    { text: '\ufeffa: 1', value: { a: 1 }, why: 'a byte order mark is not content' },
  ])('$why', ({ text, value }) => {
    const result = parse(text);
    expect(result.ok && result.value.value).toEqual(value);
  });

  test('with the place of every value and key', () => {
    const result = parse('name: A\nwhen:\n  conditions:\n    - field: user.team\n');
    if (!result.ok) throw new Error('not parsed');
    expect(Object.fromEntries(result.value.positions)).toEqual({
      '': [1, 1],
      name: [1, 7],
      when: [3, 3],
      'when.conditions': [4, 5],
      'when.conditions[0]': [4, 7],
      'when.conditions[0].field': [4, 14],
    });
    expect(result.value.keys.get('when')).toEqual([2, 1]);
  });
});

describe('parseSourceDocument refuses', () => {
  const nested = `${'['.repeat(100)}${']'.repeat(100)}`;
  const bomb = `a: &a [1,1,1,1,1,1,1,1,1]\n${'bcdefgh'
    .split('')
    .map((name, index) => `${name}: &${name} [${Array.from({ length: 9 }, () => `*${'abcdefg'[index]}`).join(',')}]`)
    .join('\n')}`;
  test.each([
    { name: 'nothing', text: '', says: 'empty' },
    { name: 'a comment only', text: '# nothing', says: 'empty' },
    { name: 'broken syntax', text: 'a: [1', says: 'Flow sequence' },
    { name: 'a duplicate key', text: 'a: 1\na: 2', says: 'duplicate key "a"', line: 2 },
    { name: 'a duplicate key that is spelled differently', text: '{"a": 1, "\\u0061": 2}', says: 'duplicate key "a"' },
    { name: 'a prototype key', text: 'x:\n  __proto__: {allow: true}', says: '"__proto__" is not allowed', line: 2 },
    { name: 'several documents', text: '--- a\n--- b', says: 'multiple documents' },
    { name: 'a YAML 1.1 directive', text: '%YAML 1.1\n---\na: yes', says: 'directives' },
    { name: 'a tag', text: 'a: !!str 5', says: 'tag' },
    { name: 'an own tag', text: 'a: !secret x', says: 'nresolved tag' },
    { name: 'not a number', text: 'a: .nan', says: 'not finite' },
    { name: 'an infinite number', text: '{"a": 1e400}', says: 'not finite' },
    { name: 'an inexact integer', text: '{"a": 9007199254740993}', says: 'not exact' },
    { name: 'a lone surrogate', text: '{"a": "\\ud800"}', says: 'surrogate' },
    { name: 'a key that is a list', text: '? [a]\n: 1', says: 'keys must be strings' },
    { name: 'a deep nesting', text: nested, says: 'nested too deeply' },
    { name: 'an alias bomb', text: bomb, says: 'aliases' },
    { name: 'an alias to itself', text: 'a: &a [*a]', says: 'aliases' },
    { name: 'an unknown alias', text: 'a: *b', says: 'alias' },
  ])('$name', ({ text, says, line }) => {
    const result = parse(text);
    expect(result.ok).toBe(false);
    if (result.ok) return;
    expect(result.problems.map((problem) => problem.message).join('; ')).toContain(says);
    expect(result.problems.every((problem) => problem.code === 'ERR_POLICY_SYNTAX' && problem.file === 'p.yaml')).toBe(
      true,
    );
    if (line !== undefined) expect(result.problems[0]?.line).toBe(line);
  });

  test('invalid UTF-8', () => {
    const result = parseSourceDocument('p.yaml', Uint8Array.of(0x61, 0x3a, 0x20, 0xff));
    expect(!result.ok && result.problems[0]?.message).toContain('UTF-8');
  });

  test('a file over the cap, without parsing it', () => {
    const result = parseSourceDocument('p.yaml', new Uint8Array(DOCUMENT_LIMITS.bytes + 1));
    expect(!result.ok && result.problems[0]?.message).toContain('larger');
  });

  test('a large map with a duplicate, in time proportional to its size', () => {
    const keys = Array.from({ length: 50_000 }, (_, index) => `k${index}: 1`);
    const result = parse([...keys, 'k7: 2'].join('\n'));
    expect(!result.ok && result.problems).toHaveLength(1);
  });
});
