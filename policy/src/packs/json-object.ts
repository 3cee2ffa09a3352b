import type { Json, JsonObject } from '../model/request.js';

/** Whether a value is a JSON object, and not null or a list. */
export function isJsonObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
