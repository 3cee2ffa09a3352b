/** What a client is told that the endpoint of all servers can do: what any of them can, of what is served here. */

import type { Json, JsonObject } from '@portcullis/policy/model';
import { isObject } from '../message.js';
import type { Era } from '../methods.js';

/** Members that are told on; of every other capability nothing is. */
const SERVED: Readonly<Record<Era, Readonly<Record<string, readonly string[]>>>> = {
  legacy: {
    tools: ['listChanged'],
    prompts: ['listChanged'],
    resources: ['listChanged', 'subscribe'],
    completions: [],
    logging: [],
    tasks: ['list', 'cancel', 'requests'],
  },
  modern: {
    tools: ['listChanged'],
    prompts: ['listChanged'],
    resources: ['listChanged', 'subscribe'],
    completions: [],
    extensions: ['io.modelcontextprotocol/tasks'],
  },
};

/** @param said the capabilities of each server */
export function unitedCapabilities(said: readonly (Json | undefined)[], era: Era): JsonObject {
  let united: JsonObject = {};
  for (const capabilities of said) {
    for (const [name, members] of Object.entries(SERVED[era])) {
      const capability = isObject(capabilities) ? capabilities[name] : undefined;
      if (!isObject(capability)) continue;
      const kept = Object.fromEntries(Object.entries(capability).filter(([member]) => members.includes(member)));
      if (name === 'extensions' && Object.keys(kept).length === 0) continue;
      united = merged(united, { [name]: kept });
    }
  }
  return united;
}

function merged(one: JsonObject, other: JsonObject): JsonObject {
  const result: Record<string, Json> = { ...one };
  for (const [name, value] of Object.entries(other)) {
    const before = result[name];
    result[name] = isObject(before) && isObject(value) ? merged(before, value) : before === true ? true : value;
  }
  return result;
}
