import { describe, expect, test } from '@jest/globals';
import { type CustomField, customFieldsShape, readCustomFields } from './custom-fields.js';
import { createFindings, excerptOf } from './findings.js';
import { parseSourceDocument } from './source-document.js';

function read(fields: Readonly<Record<string, CustomField>>) {
  const parsed = parseSourceDocument('bundle.yaml', new TextEncoder().encode(JSON.stringify({ fields })));
  if (!parsed.ok) throw new Error('not JSON');
  const findings = createFindings();
  const result = readCustomFields(fields, excerptOf(parsed.value, ''), findings);
  return { result, problems: findings.sorted() };
}

test('a declaration is kept by the normal spelling of its path', () => {
  const { result, problems } = read({
    'tool.attributes.sensitivity': { type: 'string', members: ['low', 'high'] },
    'agent.attributes.cost\\.center': { type: 'string' },
  });
  expect(problems).toEqual([]);
  expect(result).toEqual({
    'tool.attributes.sensitivity': { type: 'string', members: ['low', 'high'] },
    'agent.attributes.cost\\.center': { type: 'string' },
  });
});

describe('a declaration is refused', () => {
  const TEXT: CustomField = { type: 'string' };
  test.each([
    { name: 'a built-in field', fields: { 'user.team': TEXT }, says: 'it is a built-in field' },
    { name: 'a container', fields: { 'user.attributes': TEXT }, says: 'declares names below' },
    { name: 'an argument', fields: { 'tool.arguments.path': TEXT }, says: 'declares names below' },
    { name: 'a mistyped container', fields: { 'tool.attribute.x': TEXT }, says: 'did you mean "tool.attributes"?' },
    { name: 'elements', fields: { 'tool.attributes.x[any]': TEXT }, says: 'declare the list' },
    { name: 'no path', fields: { 'tool..x': TEXT }, says: 'not a field path' },
    {
      name: 'a field inside another',
      fields: { 'tool.attributes.x': TEXT, 'tool.attributes.x.y': TEXT },
      says: 'lies inside it',
    },
    {
      name: 'a field around another',
      fields: { 'tool.attributes.x.y': TEXT, 'tool.attributes.x': TEXT },
      says: 'declared as "tool.attributes.x.y"',
    },
  ])('$name', ({ fields, says }) => {
    const { problems } = read(fields);
    expect(problems.map(({ code }) => code)).toEqual(['ERR_POLICY_FIELD_UNKNOWN']);
    expect(problems[0]?.message).toContain(says);
  });

  test.each([
    { name: 'an unknown type', fields: { 'tool.attributes.x': { type: 'text' } } },
    { name: 'members of a number', fields: { 'tool.attributes.x': { type: 'number', members: ['1'] } } },
    { name: 'no members', fields: { 'tool.attributes.x': { type: 'string', members: [] } } },
    { name: 'an unknown key', fields: { 'tool.attributes.x': { type: 'string', values: ['a'] } } },
  ])('$name, by its schema', ({ fields }) => {
    expect(customFieldsShape().safeParse(fields).success).toBe(false);
  });
});
