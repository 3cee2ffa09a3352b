/** Checks a JSON document against canonical-request.schema.json and says what is wrong with it in an author's words. */

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { CanonicalRequest, Checked, Json, JsonObject, Problem } from '@portcullis/policy/model';
import type { ErrorObject } from 'ajv';
import { nearestName } from './nearest-name.js';

/** Checks one document. */
export type RequestParser = (json: Json) => Checked<CanonicalRequest>;

/** More findings than that help nobody, and a hostile document must not buy a long answer. */
const MAX_PROBLEMS = 32;

/** A document with more values than that is told its first problem only: looking for all of them would take a while. */
const MAX_EXAMINED_VALUES = 4096;

/** As many names are compared when guessing what was meant. */
const MAX_CANDIDATES = 64;

/**
 * Compiles the schema: some 120 ms and 16 MB, so once per process and before the first question has a deadline. The
 * validator is loaded only here, because an enforcement point imports this package and never parses canonical JSON.
 * @throws Error when the schema file is missing or broken: the installation is
 */
export function createRequestParser(): RequestParser {
  const load = createRequire(import.meta.url);
  const { Ajv2020 } = load('ajv/dist/2020.js') as typeof import('ajv/dist/2020.js');
  const formats = load('ajv-formats') as typeof import('ajv-formats')['default'];
  // The schema is our own, and a test holds it against its meta-schema: compiling that takes longer than what it proves.
  const trusted = { meta: false, validateSchema: false } as const;
  // The first error ends the fast check; the thorough one runs only for documents that are refused anyway.
  const options = { strict: true, ownProperties: true, verbose: true, ...trusted } as const;
  const fast = new Ajv2020(options);
  const thorough = new Ajv2020({ ...options, allErrors: true });
  for (const ajv of [fast, thorough]) formats(ajv, ['date-time']);
  const schema = JSON.parse(
    readFileSync(new URL('../schema/canonical-request.schema.json', import.meta.url), 'utf8'),
  ) as JsonObject;
  const accepts = fast.compile(schema);
  const examine = thorough.compile(schema);
  return (json) => {
    if (accepts(json)) return { ok: true, value: json as unknown as CanonicalRequest };
    let errors = accepts.errors ?? [];
    if (countValues(json, MAX_EXAMINED_VALUES) < MAX_EXAMINED_VALUES) {
      examine(json);
      errors = examine.errors ?? errors;
    }
    return { ok: false, problems: errors.slice(0, MAX_PROBLEMS).map(toProblem) };
  };
}

/** How many values a document has, counted no further than `limit`. */
function countValues(json: Json, limit: number): number {
  if (json === null || typeof json !== 'object') return 1;
  let count = 1;
  for (const value of Object.values(json) as readonly Json[]) {
    if (count >= limit) break;
    count += countValues(value, limit - count);
  }
  return count;
}

function memoized(create: () => RequestParser): RequestParser {
  let parser: RequestParser | undefined;
  return (json) => {
    parser ??= create();
    return parser(json);
  };
}

/**
 * Checks a document with a parser that is made on first use and kept.
 * @param json what the strict parser yielded; it is returned as it is, not copied
 * @returns the document as a request, or up to 32 problems, each with path, expectation and the nearest name
 * @throws Error as {@link createRequestParser}, on first use only
 */
export const parseCanonicalRequest: RequestParser = memoized(createRequestParser);

/** `/tool/arguments/0` as `tool.arguments[0]`. */
function documentPath(pointer: string): string {
  return pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce((path, part) => {
      if (/^\d+$/.test(part)) return `${path}[${part}]`;
      return path === '' ? part : `${path}.${part}`;
    }, '');
}

function within(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}

function guess(name: unknown, candidates: readonly string[]): string {
  const nearest = typeof name === 'string' ? nearestName(name, candidates.slice(0, MAX_CANDIDATES)) : undefined;
  return nearest === undefined ? '' : `; did you mean ${JSON.stringify(nearest)}?`;
}

/** Values are the caller's data: short ones are shown, nothing else is. */
function shown(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'string')
    return value.length <= 40 ? JSON.stringify(value) : `text of ${value.length} characters`;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : 'an object';
}

function toProblem(error: ErrorObject): Problem {
  const path = documentPath(error.instancePath);
  const params = error.params as Readonly<Record<string, unknown>>;
  switch (error.keyword) {
    case 'additionalProperties': {
      const name = String(params['additionalProperty']);
      const known = Object.keys((error.parentSchema?.['properties'] ?? {}) as object);
      const message = `unknown member ${shown(name)}${guess(name, known)}`;
      return { code: 'ERR_REQUEST_UNKNOWN_FIELD', path: within(path, name.slice(0, 64)), message };
    }
    case 'required': {
      const name = String(params['missingProperty']);
      const near = guess(name, Object.keys(error.data ?? {})).replace('did you mean', 'is it');
      return { code: 'ERR_REQUEST_MISSING_FIELD', path: within(path, name), message: `is required${near}` };
    }
    case 'enum': {
      const allowed = params['allowedValues'] as readonly string[];
      const message = `expected one of ${allowed.join(', ')}, found ${shown(error.data)}${guess(error.data, allowed)}`;
      return { code: 'ERR_REQUEST_VALUE', path, message };
    }
    case 'const':
      return {
        code: 'ERR_REQUEST_VALUE',
        path,
        message: `expected ${shown(params['allowedValue'])}, found ${shown(error.data)}`,
      };
    case 'type':
      return {
        code: 'ERR_REQUEST_TYPE',
        path,
        message: `expected ${String(params['type'])}, found ${shown(error.data)}`,
      };
    default:
      return {
        code: 'ERR_REQUEST_VALUE',
        path,
        message: `${error.message ?? 'is refused'}, found ${shown(error.data)}`,
      };
  }
}
