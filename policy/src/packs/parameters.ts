import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import type { Excerpt, Findings } from '../dsl/findings.js';
import { didYouMean } from '../dsl/nearest.js';
import { childPath } from '../dsl/source-document.js';
import type { Json, JsonObject } from '../model/request.js';

/** The parameters of a pack, ready to check values. */
export interface ParameterSchemas {
  readonly names: readonly string[];
  /** The values of those that have a default. */
  readonly defaults: JsonObject;
  /** Each as `pack.yaml` has it. */
  readonly schemas: JsonObject;
  /**
   * Reports what is wrong with given values: unknown names, and values that their schema refuses.
   * @param path where `values` stand inside `where`
   */
  check(values: JsonObject, where: Excerpt, path: string, findings: Findings): void;
}

/** Turns JSON Schemas into functions. One serves many packs: making one costs more than a pack's schemas do. */
export interface SchemaCompiler {
  /** @throws when the schema is none */
  compile(schema: JsonObject): ValidateFunction;
}

/** A compiler of JSON Schemas (2020-12). Nothing is made before the first schema. */
export function createSchemaCompiler(): SchemaCompiler {
  let ajv: Ajv2020 | undefined;
  return {
    compile(schema) {
      // What is compiled runs a few times only, so making it fast would be the larger cost.
      ajv ??= new Ajv2020({
        allErrors: true,
        strict: true,
        allowUnionTypes: true,
        addUsedSchema: false,
        code: { optimize: false },
      });
      return ajv.compile(schema);
    },
  };
}

/** Reads the parameters of a pack; reports schemas that are none, and defaults that their own schema refuses. */
export function createParameterSchemas(
  schemas: JsonObject,
  {
    where,
    findings,
    compiler,
  }: { readonly where: Excerpt; readonly findings: Findings; readonly compiler: SchemaCompiler },
): ParameterSchemas {
  const names = Object.keys(schemas);
  const defaults: Record<string, Json> = {};
  const validators = new Map<string, ValidateFunction>();
  for (const name of names) {
    const schema = schemas[name] as JsonObject;
    const path = childPath('parameters', name);
    try {
      const validate = compiler.compile(schema);
      validators.set(name, validate);
      const fallback = schema['default'];
      if (fallback === undefined) continue;
      defaults[name] = fallback;
      if (!validate(fallback)) report(validate, where, childPath(path, 'default'), 'the default', findings);
    } catch (error) {
      const reason = error instanceof Error ? error.message : 'unknown reason';
      findings.add(where, path, 'ERR_PACK_SHAPE', `the schema of ${name} is not usable: ${reason}`);
    }
  }
  return {
    names,
    defaults,
    schemas,
    check(values, at, path, into) {
      for (const [name, value] of Object.entries(values)) {
        const here = childPath(path, name);
        const validate = validators.get(name);
        if (validate === undefined) {
          const known = names.length === 0 ? ' (it has none)' : ` (it has ${names.join(', ')})`;
          const message = `the pack has no parameter "${name}"${didYouMean(name, names) || known}`;
          into.add(at, here, 'ERR_PACK_PARAMETER', message, 'key');
        } else if (!validate(value)) report(validate, at, here, name, into);
      }
    },
  };
}

function report(validate: ValidateFunction, where: Excerpt, path: string, what: string, findings: Findings): void {
  for (const error of validate.errors ?? []) {
    const { place, inside } = placeOf(error, path);
    findings.add(where, place, 'ERR_PACK_PARAMETER', `${what}${inside} ${sentenceOf(error)}`);
  }
}

/** The JSON pointer of an error, as a path. */
function placeOf(error: ErrorObject, path: string): { readonly place: string; readonly inside: string } {
  const segments = error.instancePath
    .split('/')
    .slice(1)
    .map((segment) => segment.replaceAll('~1', '/').replaceAll('~0', '~'));
  const inside = segments.reduce(
    (parent, segment) => (/^\d+$/.test(segment) ? `${parent}[${segment}]` : `${parent}.${segment}`),
    '',
  );
  return { place: `${path}${inside}`, inside };
}

function sentenceOf(error: ErrorObject): string {
  const params = error.params as Readonly<Record<string, unknown>>;
  if (error.keyword === 'enum' && Array.isArray(params['allowedValues'])) {
    return `must be one of ${(params['allowedValues'] as readonly unknown[]).map(String).join(', ')}`;
  }
  if (error.keyword === 'additionalProperties') return `must not have "${String(params['additionalProperty'])}"`;
  return error.message ?? 'is not what its schema asks for';
}
