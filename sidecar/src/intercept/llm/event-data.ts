/** The data of a stream's events. */

import type { JsonObject } from '@portcullis/policy/model';
import { parseStrictJson } from '@portcullis/runtime';
import { StreamFault } from './endpoint.js';
import { isObject } from './json-values.js';

/** The JSON object of an event. @throws StreamFault */
export function parsed(data: Buffer): JsonObject {
  const read = parseStrictJson(data, { maxBytes: data.length });
  if (!read.ok || !isObject(read.value)) throw new StreamFault('an event is not strict JSON');
  return read.value;
}
