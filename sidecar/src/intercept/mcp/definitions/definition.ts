/** One tool as a server defines it. */

import { instructionScore } from '@portcullis/policy/content';
import type { Json, JsonObject } from '@portcullis/policy/model';
import { jsonDigestHex } from '@portcullis/proto';
import { isObject } from '../message.js';

/** A definition. */
export interface Definition {
  readonly name: string;
  /**
   * Lower-case hex SHA-256 over the RFC 8785 form of the tool object without its member `_meta`. Order of members and
   * white space change nothing; any other difference does.
   */
  readonly digest: string;
  /** Without `_meta`. */
  readonly tool: JsonObject;
  /** UTF-8, of the tool as JSON. */
  readonly bytes: number;
}

/** Every member of a tool that somebody acts on, by what a reader that ignores case takes for it. */
const BY_FOLD: ReadonlyMap<string, string> = new Map(
  ['name', 'title', 'description', 'inputSchema', 'outputSchema', 'annotations', 'execution', 'icons', '_meta'].map(
    (member) => [member.toLowerCase(), member],
  ),
);

/** The definition that an element of `result.tools` is; nothing where it has no name, or two readers may see two. */
export function definitionOf(element: Json | undefined): Definition | undefined {
  if (!isObject(element)) return undefined;
  const { _meta: _notHashed, ...tool } = element;
  const name = tool['name'];
  if (typeof name !== 'string') return undefined;
  if (Object.keys(element).some((key) => (BY_FOLD.get(key.toLowerCase()) ?? key) !== key)) return undefined;
  return { name, digest: jsonDigestHex(tool), tool, bytes: Buffer.byteLength(JSON.stringify(tool)) };
}

/** How much the most instructing text of a definition reads like instructions to the model, 0 to 1; names included. */
export function instructing({ tool }: Definition): number {
  let worst = 0;
  const pending: Json[] = [tool];
  while (pending.length > 0) {
    const value = pending.pop();
    if (typeof value === 'string') worst = Math.max(worst, instructionScore(value).score);
    else if (Array.isArray(value)) pending.push(...value);
    else if (isObject(value)) pending.push(...Object.keys(value), ...Object.values(value));
  }
  return worst;
}

/**
 * What a name looks like: two names with one skeleton are taken for each other. Callable names are ASCII
 * (see `names.ts`), so what remains of Unicode TS 39 are letters and digits that are drawn alike, and case.
 */
export function skeleton(name: string): string {
  return name.toLowerCase().replaceAll('0', 'o').replaceAll(/[1i]/g, 'l').replaceAll('rn', 'm');
}
