/**
 * Whether a value is what a stranger's JSON Schema wants. Interpreted, never compiled to code, and within a budget of steps:
 * such a schema may be recursive, exponential or full of slow patterns on purpose.
 *
 * Validation vocabularies of draft-07 and 2020-12. Not looked at: `format` and the content keywords (annotations),
 * `unevaluatedProperties`, `unevaluatedItems`, `$dynamicRef`, and patterns that RE2 does not have (look-around,
 * back-references).
 */

import { RE2JS } from 're2js';
import type { Json, JsonObject } from '../../model/request.js';
import { equalJson, isObject, ofType } from './values.js';

/** Where a value is not what is wanted. */
export interface SchemaProblem {
  /** JSON Pointer (RFC 6901) into the value. */
  readonly path: string;
  /** For people; says nothing of the value. */
  readonly expected: string;
}

/** A schema that cannot be used, or took too many steps. */
export class SchemaUnusable extends Error {
  override readonly name = 'SchemaUnusable';
}

const MAX_DEPTH = 256;

/**
 * The first problem, or nothing.
 * @param steps most subschemas applied to most values; a pattern and an element to compare are steps, too
 * @throws SchemaUnusable for a reference that leads out of the schema, a keyword of the wrong type, or when `steps` are used up
 */
export function checkSchema(schema: JsonObject, value: Json, steps: number): SchemaProblem | undefined {
  return new Check(schema, steps).apply(schema, value, '', 0);
}

type Problem = SchemaProblem | undefined;

class Check {
  readonly #root: JsonObject;
  readonly #patterns = new Map<string, RE2JS | undefined>();
  #left: number;

  constructor(root: JsonObject, steps: number) {
    this.#root = root;
    this.#left = steps;
  }

  apply(schema: Json | undefined, value: Json, path: string, depth: number): Problem {
    this.#step();
    if (schema === true) return undefined;
    if (schema === false) return { path, expected: 'nothing' };
    if (!isObject(schema)) throw new SchemaUnusable('a subschema is neither an object nor a boolean');
    if (depth > MAX_DEPTH) throw new SchemaUnusable('the schema refers to itself without end');
    const ref = schema['$ref'];
    const target = ref === undefined ? undefined : this.apply(this.#resolve(ref), value, path, depth + 1);
    return (
      target ??
      this.#scalar(schema, value, path) ??
      this.#combined(schema, value, path, depth) ??
      (isObject(value) ? this.#object(schema, value, path, depth) : undefined) ??
      (Array.isArray(value) ? this.#array(schema, value, path, depth) : undefined)
    );
  }

  #step(count = 1): void {
    this.#left -= count;
    if (this.#left < 0) throw new SchemaUnusable('checking takes too long');
  }

  #scalar(schema: JsonObject, value: Json, path: string): Problem {
    const { type, enum: options, const: only } = schema;
    const fails = (expected: string): Problem => ({ path, expected });
    if (type !== undefined) {
      const types = Array.isArray(type) ? type : [type];
      if (!types.every((one) => typeof one === 'string')) throw new SchemaUnusable('type is no string');
      if (!types.some((one) => ofType(value, one))) return fails(types.join(' or '));
    }
    if (Array.isArray(options)) {
      this.#step(options.length);
      if (!options.some((option) => equalJson(option, value))) return fails('one of the listed values');
    }
    if (only !== undefined && !equalJson(only, value)) return fails('the one value that is allowed');
    if (typeof value === 'number') return this.#number(schema, value, path);
    if (typeof value !== 'string') return undefined;
    const { pattern } = schema;
    const most = boundOf(schema, 'maxLength');
    const least = boundOf(schema, 'minLength');
    const length = most === undefined && least === undefined ? 0 : Array.from(value).length;
    if (most !== undefined && length > most) return fails(`at most ${most} characters`);
    if (least !== undefined && length < least) return fails(`at least ${least} characters`);
    if (typeof pattern === 'string' && !this.#matches(pattern, value)) return fails('a text of the given pattern');
    return undefined;
  }

  #number(schema: JsonObject, value: number, path: string): Problem {
    const fails = (expected: string): Problem => ({ path, expected });
    const { maximum, minimum, exclusiveMaximum, exclusiveMinimum, multipleOf } = schema;
    if (typeof maximum === 'number' && value > maximum) return fails(`at most ${maximum}`);
    if (typeof minimum === 'number' && value < minimum) return fails(`at least ${minimum}`);
    if (typeof exclusiveMaximum === 'number' && value >= exclusiveMaximum)
      return fails(`less than ${exclusiveMaximum}`);
    if (typeof exclusiveMinimum === 'number' && value <= exclusiveMinimum)
      return fails(`more than ${exclusiveMinimum}`);
    if (typeof multipleOf === 'number' && multipleOf > 0 && !Number.isInteger(value / multipleOf))
      return fails(`a multiple of ${multipleOf}`);
    return undefined;
  }

  #combined(schema: JsonObject, value: Json, path: string, depth: number): Problem {
    const passes = (one: Json | undefined): boolean => this.apply(one, value, path, depth + 1) === undefined;
    const { allOf, anyOf, oneOf, not, if: condition } = schema;
    for (const one of listOf(allOf)) {
      const problem = this.apply(one, value, path, depth + 1);
      if (problem !== undefined) return problem;
    }
    if (anyOf !== undefined && !listOf(anyOf).some(passes)) return { path, expected: 'one of several forms' };
    if (oneOf !== undefined && listOf(oneOf).filter(passes).length !== 1)
      return { path, expected: 'exactly one of several forms' };
    if (not !== undefined && passes(not)) return { path, expected: 'something else' };
    if (condition === undefined) return undefined;
    const branch = passes(condition) ? schema['then'] : schema['else'];
    return branch === undefined ? undefined : this.apply(branch, value, path, depth + 1);
  }

  #object(schema: JsonObject, value: JsonObject, path: string, depth: number): Problem {
    const names = Object.keys(value);
    const most = boundOf(schema, 'maxProperties');
    const least = boundOf(schema, 'minProperties');
    if (most !== undefined && names.length > most) return { path, expected: `at most ${most} members` };
    if (least !== undefined && names.length < least) return { path, expected: `at least ${least} members` };
    for (const name of listOf(schema['required'])) {
      if (typeof name === 'string' && !Object.hasOwn(value, name))
        return { path: below(path, name), expected: 'a value' };
    }
    const { additionalProperties, propertyNames } = schema;
    const properties = membersOf(schema['properties']);
    const patterns = Object.entries(membersOf(schema['patternProperties']));
    for (const name of names) {
      const own = below(path, name);
      const member = value[name] ?? null;
      if (propertyNames !== undefined && this.apply(propertyNames, name, own, depth + 1) !== undefined)
        return { path: own, expected: 'another name' };
      const wanted = Object.hasOwn(properties, name) ? [properties[name]] : [];
      for (const [pattern, one] of patterns) {
        if (this.#matches(pattern, name, () => new SchemaUnusable('a pattern of members is not RE2'))) wanted.push(one);
      }
      if (wanted.length === 0 && additionalProperties !== undefined) {
        if (additionalProperties === false) return { path: own, expected: 'no member of this name' };
        wanted.push(additionalProperties);
      }
      for (const one of wanted) {
        const problem = this.apply(one, member, own, depth + 1);
        if (problem !== undefined) return problem;
      }
    }
    return this.#dependent(schema, value, path, depth);
  }

  #dependent(schema: JsonObject, value: JsonObject, path: string, depth: number): Problem {
    // `dependencies` is what draft-07 calls both.
    const all = ['dependentRequired', 'dependentSchemas', 'dependencies'].flatMap((key) =>
      Object.entries(membersOf(schema[key])),
    );
    for (const [name, wanted] of all) {
      if (!Object.hasOwn(value, name)) continue;
      if (!Array.isArray(wanted)) {
        const problem = this.apply(wanted, value, path, depth + 1);
        if (problem !== undefined) return problem;
        continue;
      }
      const missing = wanted.find((other) => typeof other === 'string' && !Object.hasOwn(value, other));
      if (typeof missing === 'string') return { path: below(path, missing), expected: 'a value' };
    }
    return undefined;
  }

  #array(schema: JsonObject, value: readonly Json[], path: string, depth: number): Problem {
    const most = boundOf(schema, 'maxItems');
    const least = boundOf(schema, 'minItems');
    if (most !== undefined && value.length > most) return { path, expected: `at most ${most} elements` };
    if (least !== undefined && value.length < least) return { path, expected: `at least ${least} elements` };
    const { items, prefixItems, additionalItems, contains, uniqueItems } = schema;
    // A list of `items`, with `additionalItems` for the rest, is how draft-07 writes `prefixItems` and `items`.
    const first = listOf(Array.isArray(items) ? items : prefixItems);
    const rest = Array.isArray(items) ? additionalItems : items;
    for (const [index, element] of value.entries()) {
      const wanted = index < first.length ? first[index] : rest;
      const problem = wanted === undefined ? undefined : this.apply(wanted, element, below(path, index), depth + 1);
      if (problem !== undefined) return problem;
    }
    if (contains !== undefined) {
      const found = value.filter((element) => this.apply(contains, element, path, depth + 1) === undefined).length;
      const [from, to] = [boundOf(schema, 'minContains') ?? 1, boundOf(schema, 'maxContains') ?? Infinity];
      if (found < from || found > to) return { path, expected: 'certain elements' };
    }
    if (uniqueItems !== true) return undefined;
    for (let one = 0; one < value.length; one += 1) {
      this.#step(one);
      if (value.slice(0, one).some((other) => equalJson(other, value[one])))
        return { path, expected: 'no element twice' };
    }
    return undefined;
  }

  #matches(source: string, text: string, unusable?: () => Error): boolean {
    this.#step(1 + Math.ceil(text.length / 64));
    if (!this.#patterns.has(source)) this.#patterns.set(source, compiled(source));
    const pattern = this.#patterns.get(source);
    if (pattern !== undefined) return pattern.matcher(text).find();
    if (unusable !== undefined) throw unusable();
    return true;
  }

  #resolve(ref: Json): Json {
    if (typeof ref !== 'string' || !ref.startsWith('#'))
      throw new SchemaUnusable('a reference leads out of the schema');
    if (ref === '#') return this.#root;
    if (!ref.startsWith('#/')) throw new SchemaUnusable('a reference is by anchor');
    let found: Json | undefined = this.#root;
    for (const part of ref.slice(2).split('/')) {
      const name = part.replaceAll('~1', '/').replaceAll('~0', '~');
      this.#step();
      if (Array.isArray(found)) found = found[Number(name)];
      else found = isObject(found) && Object.hasOwn(found, name) ? found[name] : undefined;
    }
    if (found === undefined) throw new SchemaUnusable('a reference leads nowhere');
    return found;
  }
}

const MAX_PATTERN = 1_024;

function compiled(source: string): RE2JS | undefined {
  if (source.length > MAX_PATTERN) return undefined;
  try {
    return RE2JS.compile(source);
  } catch {
    return undefined;
  }
}

function listOf(value: Json | undefined): readonly Json[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw new SchemaUnusable('a keyword is no list');
  return value;
}

function membersOf(value: Json | undefined): JsonObject {
  if (value === undefined) return {};
  if (!isObject(value)) throw new SchemaUnusable('a keyword is no object');
  return value;
}

function boundOf(schema: JsonObject, key: string): number | undefined {
  const value = schema[key];
  if (value === undefined) return undefined;
  if (typeof value !== 'number') throw new SchemaUnusable(`${key} is no number`);
  return value;
}

function below(path: string, step: string | number): string {
  return `${path}/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`;
}
