/**
 * The headers that a tool's schema wants some arguments repeated in (`x-mcp-header`; MCP 2026-07-28, "Custom Headers from Tool
 * Parameters"), held against the arguments: whoever routes by a header must not be told anything else than what was decided.
 */

import type { Json, JsonObject } from '@portcullis/policy/model';
import { decodeHeaderValue, MIRROR_PREFIX } from '../headers.js';
import { isObject } from '../message.js';

const ANNOTATION = 'x-mcp-header';

/**
 * A header that says something else than the argument that the schema wants in it; nothing where none does. A header that is not
 * there, and one that the schema knows nothing of, are the server's to judge.
 * @param headers by lower-case name
 */
export function differingMirror(
  schema: JsonObject,
  args: JsonObject,
  headers: Readonly<Record<string, string>>,
): string | undefined {
  const given = Object.entries(headers).filter(([name]) => name.startsWith(MIRROR_PREFIX));
  if (given.length === 0) return undefined;
  const mirrored = mirrorsIn(schema, args);
  return given.find(([name, value]) => mirrored.has(name) && !repeats(value, mirrored.get(name)))?.[0];
}

/** The argument that each header repeats, as far as the chain of `properties` leads. */
function mirrorsIn(schema: JsonObject, args: Json | undefined): ReadonlyMap<string, Json | undefined> {
  const found = new Map<string, Json | undefined>();
  const pending: { readonly schema: JsonObject; readonly value: Json | undefined }[] = [{ schema, value: args }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { properties } = next.schema;
    for (const [name, property] of isObject(properties) ? Object.entries(properties) : []) {
      if (!isObject(property)) continue;
      const value = isObject(next.value) && Object.hasOwn(next.value, name) ? next.value[name] : undefined;
      const header = property[ANNOTATION];
      if (typeof header === 'string') found.set(MIRROR_PREFIX + header.toLowerCase(), value);
      pending.push({ schema: property, value });
    }
  }
  return found;
}

function repeats(header: string, value: Json | undefined): boolean {
  const said = decodeHeaderValue(header);
  if (said === undefined || value === undefined || value === null || typeof value === 'object') return false;
  return typeof value === 'number'
    ? /^-?[0-9]+(?:\.0+)?$/.test(said) && Number(said) === value
    : said === String(value);
}
