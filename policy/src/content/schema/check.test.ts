import { describe, expect, test } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import type { Json, JsonObject } from '../../model/request.js';
import { checkSchema, SchemaUnusable } from './check.js';

const passes = (schema: JsonObject, value: Json): boolean => checkSchema(schema, value, 100_000) === undefined;

/** A word, a number or a list for each keyword, so that generated schemas meet generated values often. */
const leaf = fc.constantFrom<Json>(0, 1, 1.5, -2, '', 'a', 'ab', 'é😀', true, false, null, [], {}, [1, 1], { a: 1 });
const names = fc.constantFrom('a', 'b', 'c');
const values: fc.Arbitrary<Json> = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    leaf,
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(names, tie('value'), { maxKeys: 3 }),
  ),
})).value;
const type = fc.constantFrom('string', 'number', 'integer', 'object', 'array', 'boolean', 'null');
const count = fc.integer({ min: 0, max: 2 });
const schemas: fc.Arbitrary<Json> = fc.letrec<{ schema: Json }>((tie) => {
  const some = fc.array(tie('schema'), { minLength: 1, maxLength: 2 });
  const members = fc.dictionary(names, tie('schema'), { maxKeys: 2 });
  return {
    schema: fc.oneof(
      { maxDepth: 3, withCrossShrink: true },
      fc.boolean(),
      fc.record(
        {
          type: fc.oneof(type, fc.uniqueArray(type, { minLength: 1, maxLength: 3 })),
          enum: fc.uniqueArray(fc.constantFrom<Json>(0, 'a', null, true), { minLength: 1, maxLength: 3 }),
          const: leaf,
          minimum: count,
          exclusiveMaximum: count,
          multipleOf: fc.constantFrom(0.5, 1, 2),
          minLength: count,
          maxLength: count,
          pattern: fc.constantFrom('^a', 'b$', '^.{2}$'),
          properties: members,
          patternProperties: fc.dictionary(fc.constantFrom('^a', '[bc]'), tie('schema'), { maxKeys: 1 }),
          additionalProperties: tie('schema'),
          propertyNames: tie('schema'),
          required: fc.uniqueArray(names, { maxLength: 2 }),
          minProperties: count,
          maxProperties: count,
          dependentRequired: fc.dictionary(names, fc.uniqueArray(names, { maxLength: 2 }), { maxKeys: 1 }),
          dependentSchemas: members,
          prefixItems: some,
          items: tie('schema'),
          contains: tie('schema'),
          uniqueItems: fc.boolean(),
          minItems: count,
          maxItems: count,
          allOf: some,
          anyOf: some,
          oneOf: some,
          not: tie('schema'),
          if: tie('schema'),
          // biome-ignore lint/suspicious/noThenProperty: it is a keyword of JSON Schema
          then: tie('schema'),
          else: tie('schema'),
        },
        { requiredKeys: [] },
      ) as fc.Arbitrary<Json>,
    ),
  };
}).schema;

test('says what Ajv says', () => {
  const ajv = new Ajv2020({ strict: false, validateSchema: true, logger: false });
  fc.assert(
    fc.property(schemas, fc.array(values, { minLength: 1, maxLength: 5 }), (schema, given) => {
      const root = { allOf: [schema] };
      const validate = ajv.compile(root);
      for (const value of given) expect(passes(root, value)).toBe(validate(value));
      ajv.removeSchema();
    }),
    { numRuns: 40 },
  );
});

test.each<[string, JsonObject, Json, boolean]>([
  ['an element by draft-07', { items: [{ type: 'string' }], additionalItems: false }, ['a', 1], false],
  ['a dependency of draft-07', { dependencies: { a: ['b'] } }, { a: 1 }, false],
  ['a reference', { $ref: '#/$defs/a~1b', $defs: { 'a/b': { type: 'null' } } }, 1, false],
  ['a reference to itself', { properties: { a: { $ref: '#' } }, required: ['b'] }, { b: 1, a: { b: 1, a: {} } }, false],
  ['a pattern that RE2 lacks', { pattern: '(?=a)b' }, 'c', true],
  ['a member that every object inherits', { required: ['toString'] }, {}, false],
])('knows %s', (_what, schema, value, expected) => {
  expect(passes(schema, value)).toBe(expected);
});

test('names the place as a pointer and what is expected, and nothing of the value', () => {
  const schema = { properties: { 'a/b': { items: { type: 'integer' } } } };
  expect(checkSchema(schema, { 'a/b': [1, 'secret'] }, 100)).toEqual({ path: '/a~1b/1', expected: 'integer' });
});

describe('is not to be had for', () => {
  const nested = (levels: number): Json => (levels === 0 ? 1 : { a: nested(levels - 1) });
  test.each<[string, JsonObject, Json]>([
    ['a reference elsewhere', { $ref: 'https://evil.example/schema' }, 1],
    ['a reference to nothing', { $ref: '#/$defs/none' }, 1],
    ['a reference without end', { $ref: '#' }, 1],
    ['a schema that is none', { properties: { a: 'string' } }, { a: 1 }],
    [
      'exponential forms',
      { anyOf: [{ properties: { a: { $ref: '#' } } }, { properties: { a: { $ref: '#' } } }], not: {} },
      nested(60),
    ],
    ['a huge list without doubles', { uniqueItems: true }, Array.from({ length: 10_000 }, (_, index) => index)],
    ['members by a pattern that RE2 lacks', { patternProperties: { '(?=a)': {} } }, { a: 1 }],
  ])('%s', (_what, schema, value) => {
    const startedAt = performance.now();
    expect(() => checkSchema(schema, value, 100_000)).toThrow(SchemaUnusable);
    expect(performance.now() - startedAt).toBeLessThan(2_000);
  });

  test('a pattern that is slow elsewhere: it is quick here', () => {
    expect(passes({ pattern: '^(a+)+$' }, `${'a'.repeat(10_000)}!`)).toBe(false);
  });
});
