import { BUILT_IN_FIELDS, type FieldType, findField } from '@portcullis/policy';
import { DECISION_EFFECTS } from '@portcullis/policy/model';
import { z } from 'zod';
import {
  expectationObjectShape,
  expectationRowShape,
  FIXTURES_FOLDER,
  fixtureName,
  sharedFixturesShape,
  suiteShape,
  testShape,
} from './suite-schema.js';

/**
 * The JSON Schema (2020-12) of a suite file, and of a file of shared fixtures: what an editor completes from. The parts
 * of requests offer the fields that policies can name; whether they make a canonical request is left to the runner.
 */
export function suiteJsonSchema(): Record<string, unknown> {
  const effect = z.enum(DECISION_EFFECTS);
  const expectation = z.union([effect, expectationObjectShape(), z.array(expectationRowShape()).min(1)]);
  const request = partialRequest('');
  const test = testShape().extend({
    request: z
      .union([fixtureName(), request])
      .describe('Part of a request, or the name of one of the fixtures.')
      .optional(),
    expect: expectation
      .describe('An effect; an effect with details; or, for a matrix, a table. What is absent is a denial.')
      .optional(),
  });
  const part = (path: string): z.ZodType => z.record(fixtureName(), partialRequest(path)).optional();
  const principal = z.strictObject({
    tenant_id: z.string().optional(),
    agent: partialRequest('agent').optional(),
    user: partialRequest('user').optional(),
  });
  const fixtures = {
    principals: z.record(fixtureName(), principal).describe('Who attempts: tenant_id, agent, user.').optional(),
    tools: part('tool').describe('Tools: the `tool` of a request.'),
    contexts: part('context').describe('Circumstances: the `context` of a request.'),
    requests: part('').describe('Any part of a request.'),
  };
  const suite = suiteShape().extend({
    fixtures: z.strictObject(fixtures).describe('Named parts of requests.').optional(),
    tests: z.array(test).min(1).describe('The tests.'),
  });
  const shared = sharedFixturesShape().extend(fixtures).describe(`A file of ${FIXTURES_FOLDER}/.`);
  return {
    ...z.toJSONSchema(z.union([suite, shared]), { io: 'input', target: 'draft-2020-12' }),
    $id: 'https://portcullis.dev/schema/tests.schema.json',
    title: 'Portcullis test suite',
  };
}

/** The part of a request below a path, with the fields that policies can name. */
function partialRequest(path: string): z.ZodType {
  const prefix = path === '' ? '' : `${path}.`;
  const shape: Record<string, z.ZodType> = {};
  for (const field of BUILT_IN_FIELDS) {
    const [name] = field.startsWith(prefix) ? field.slice(prefix.length).split('.', 1) : [];
    if (name === undefined || name.includes('[') || field.startsWith('facts') || Object.hasOwn(shape, name)) continue;
    const inside = `${prefix}${name}`;
    const below = BUILT_IN_FIELDS.filter((other) => other.startsWith(`${inside}.`));
    shape[name] = (below.length === 0 ? schemaOfField(inside) : containerOf(inside, below)).optional();
  }
  return z.looseObject(shape);
}

/** An object, or a list of objects whose members are read all at once. */
function containerOf(path: string, below: readonly string[]): z.ZodType {
  const isList = below.some((field) => {
    const lookup = findField(field);
    return 'field' in lookup && lookup.field.each === path.split('.').length - 1;
  });
  return isList ? z.array(z.looseObject({})) : partialRequest(path);
}

function schemaOfField(path: string): z.ZodType {
  const lookup = findField(path);
  if (!('field' in lookup)) return z.unknown();
  const { type, members } = lookup.field;
  return type === 'string' && members !== undefined ? z.enum(members) : SCHEMA_OF[type]();
}

const SCHEMA_OF = {
  string: () => z.string(),
  number: () => z.number(),
  boolean: () => z.boolean(),
  string_list: () => z.array(z.string()),
  number_list: () => z.array(z.number()),
  datetime: () => z.string(),
  ip: () => z.string(),
  object: () => z.record(z.string(), z.unknown()),
  any: () => z.unknown(),
} as const satisfies Record<FieldType, () => z.ZodType>;
