import { didYouMean, type Pack } from '@portcullis/policy';
import { ENVIRONMENTS, type Environment, type Json, type JsonObject } from '@portcullis/policy/model';
import { parse } from 'yaml';
import { usageFault } from '../faults.js';

/** Values of parameters from the command line. */
export interface GivenParameters {
  readonly parameters: JsonObject;
  readonly environments: { readonly [E in Environment]?: JsonObject };
}

/**
 * Reads `--set name=value` and `--env prod:name=value`. A value is YAML, so lists are `[a, b]`; a parameter that is a
 * text takes the value as it is. What a value must be, the pack checks later.
 * @throws PortcullisError `ERR_CLI_USAGE` for what is not of this form, and for a parameter that the pack does not have
 */
export function readParameterFlags(
  pack: Pack,
  flags: { readonly set: readonly string[]; readonly env: readonly string[] },
): GivenParameters {
  const parameters: Record<string, Json> = {};
  for (const flag of flags.set) readOne(pack, '--set', flag, parameters);
  const environments: { [E in Environment]?: Record<string, Json> } = {};
  for (const flag of flags.env) {
    const colon = flag.indexOf(':');
    const environment = flag.slice(0, Math.max(colon, 0));
    if (colon < 0 || !isEnvironment(environment)) {
      const meant = didYouMean(environment, ENVIRONMENTS);
      throw usageFault(`--env ${flag}: expected environment:name=value with one of ${ENVIRONMENTS.join(', ')}${meant}`);
    }
    const values = environments[environment] ?? {};
    environments[environment] = values;
    readOne(pack, '--env', flag.slice(colon + 1), values);
  }
  return { parameters, environments };
}

function readOne(pack: Pack, option: string, flag: string, into: Record<string, Json>): void {
  const equals = flag.indexOf('=');
  if (equals < 1) throw usageFault(`${option} ${flag}: expected name=value`);
  const name = flag.slice(0, equals);
  const text = flag.slice(equals + 1);
  const { names, schemas } = pack.parameters;
  if (!names.includes(name)) {
    const known = names.length === 0 ? ' (it has none)' : ` (it has ${names.join(', ')})`;
    throw usageFault(`${option} ${flag}: ${pack.id} has no parameter "${name}"${didYouMean(name, names) || known}`);
  }
  into[name] = (schemas[name] as JsonObject)['type'] === 'string' ? text : parseValue(text, `${option} ${flag}`);
}

function parseValue(text: string, flag: string): Json {
  try {
    return parse(text, { schema: 'core', version: '1.2' }) as Json;
  } catch (error) {
    const reason = error instanceof Error ? (error.message.split('\n', 1)[0] ?? '') : 'unknown reason';
    throw usageFault(`${flag}: the value is not YAML: ${reason}`);
  }
}

function isEnvironment(text: string): text is Environment {
  return (ENVIRONMENTS as readonly string[]).includes(text);
}
