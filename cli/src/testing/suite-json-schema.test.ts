import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { z } from 'zod';
import { suiteJsonSchema } from './suite-json-schema.js';

const schema = z.fromJSONSchema(suiteJsonSchema());
const accepts = (text: string): boolean => schema.safeParse(parse(text)).success;
const suite = (tests: string): string =>
  `{ format: portcullis.tests/1, suite: s, now: 2026-01-01T00:00:00Z, tests: [${tests}] }`;

describe('the JSON Schema of a suite', () => {
  test('accepts the example', () => {
    expect(accepts(readFileSync(join(import.meta.dirname, 'example-suite.yaml'), 'utf8'))).toBe(true);
  });

  test.each([
    ['a bare test', suite('{ name: x }'), true],
    ['an effect', suite('{ name: x, expect: hold }'), true],
    ['a table', suite('{ name: x, matrix: { tools: [t] }, expect: [{ tool: [t], effect: allow }] }'), true],
    ['a request by name', suite('{ name: x, request: r }'), true],
    ['a request in part', suite('{ name: x, request: { context: { environment: prod } } }'), true],
    [
      'a list inside a request',
      suite('{ name: x, request: { intent_risk: { behavioral_signals: [{ signal_type: s }] } } }'),
      true,
    ],
    ['shared fixtures', '{ format: portcullis.tests/1, tools: { t: { name: x } } }', true],
    ['an unknown outcome', suite('{ name: x, expect: maybe }'), false],
    ['an unknown key', suite('{ name: x, expekt: allow }'), false],
    ['an environment that is none', suite('{ name: x, request: { context: { environment: prd } } }'), false],
    ['a number for a text', suite('{ name: x, request: { tool: { name: 1 } } }'), false],
    ['no tests', suite(''), false],
  ])('%s: %s', (_name, text, expected) => {
    expect(accepts(text)).toBe(expected);
  });
});
