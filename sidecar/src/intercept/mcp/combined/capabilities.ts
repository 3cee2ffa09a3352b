/** What a client is told that the endpoint of all servers can do: what any of them can, of what is served here. */

import type { Json, JsonObject } from '@portcullis/policy/model';
import { isObject } from '../message.js';
import type { Era } from '../methods.js';

/** What may be said of a capability: that it is so, or members that may be said. */
type Shape = 'flag' | { readonly [member: string]: Shape };

/**
 * What is told on, to the last value, so that no words of a server are in it: no redaction looks at names of members.
 * Of every other capability nothing is told.
 */
const SERVED: Readonly<Record<Era, Readonly<Record<string, Shape>>>> = {
  legacy: {
    tools: { listChanged: 'flag' },
    prompts: { listChanged: 'flag' },
    resources: { listChanged: 'flag', subscribe: 'flag' },
    completions: {},
    logging: {},
    tasks: { list: {}, cancel: {}, requests: { tools: { call: {} } } },
  },
  modern: {
    tools: { listChanged: 'flag' },
    prompts: { listChanged: 'flag' },
    resources: { listChanged: 'flag', subscribe: 'flag' },
    completions: {},
    extensions: { 'io.modelcontextprotocol/tasks': {} },
  },
};

/** Of what one server says that it can do, what a client is told: of a few values, none of them the server's own. */
export function servedCapabilities(said: Json | undefined, era: Era): JsonObject {
  const served = toldOf(said, SERVED[era]);
  if (!isObject(served)) return {};
  const { extensions, ...others } = served;
  return isObject(extensions) && Object.keys(extensions).length > 0 ? served : others;
}

/** @param said the capabilities of each server */
export function unitedCapabilities(said: readonly (Json | undefined)[], era: Era): JsonObject {
  return said.map((one) => servedCapabilities(one, era)).reduce(merged, {});
}

function toldOf(said: Json | undefined, shape: Shape): Json | undefined {
  if (shape === 'flag') return said === true ? true : undefined;
  if (!isObject(said)) return undefined;
  const told: Record<string, Json> = {};
  for (const [member, inner] of Object.entries(shape)) {
    const value = Object.hasOwn(said, member) ? toldOf(said[member], inner) : undefined;
    if (value !== undefined) told[member] = value;
  }
  return told;
}

function merged(one: JsonObject, other: JsonObject): JsonObject {
  const result: Record<string, Json> = { ...one };
  for (const [name, value] of Object.entries(other)) {
    const before = result[name];
    result[name] = isObject(before) && isObject(value) ? merged(before, value) : value;
  }
  return result;
}
