/** What all endpoints read alike. */

import type { Json, JsonObject } from '@portcullis/policy/model';
import type { Asked, OfferedTool, Unacceptable } from './endpoint.js';
import { isObject, objectsOf } from './json-values.js';

const MAX_MODEL = 256;
const MAX_TOOLS = 1_024;
/** Each of them is a question. */
const MAX_HOSTED = 32;
const TOOL_NAME = /^[\x21-\x7e]{1,256}$/;

/** How an endpoint is read. */
export interface Reading {
  /** Members that say something to the model. */
  readonly content: readonly string[];
  /** Members that limit the answer's tokens. */
  readonly limits: readonly string[];
  /** Those of the content that must be there. */
  readonly required: readonly string[];
  /** What the request offers to the model. */
  tools(body: JsonObject): readonly OfferedTool[] | Unacceptable;
  /** Answers that are asked for; each may have as many tokens as the limit says. */
  readonly choices?: string;
}

/** Reads a request. Members that are nobody's business are passed on, and part of what is asked about. */
export function readAsked(body: JsonObject, reading: Reading): Asked | Unacceptable {
  const { model } = body;
  if (typeof model !== 'string' || model === '' || model.length > MAX_MODEL)
    return unacceptable('model', 'expected the name of a model');
  const stream = body['stream'] ?? false;
  if (typeof stream !== 'boolean') return unacceptable('stream', 'expected true or false');
  for (const name of reading.required) {
    if (body[name] === undefined || body[name] === null) return unacceptable(name, 'is missing');
  }
  const limits: number[] = [];
  for (const name of reading.limits) {
    const value = body[name] ?? undefined;
    if (value === undefined) continue;
    if (!isTokenCount(value)) return unacceptable(name, 'expected a whole number of at least 1');
    limits.push(value);
  }
  const choices = (reading.choices === undefined ? undefined : body[reading.choices]) ?? 1;
  if (!isTokenCount(choices) || choices > 128)
    return unacceptable(reading.choices ?? '', 'expected a number from 1 to 128');
  const tools = reading.tools(body);
  if ('param' in tools) return tools;
  if (tools.length > MAX_TOOLS) return unacceptable('tools', `expected at most ${MAX_TOOLS} tools`);
  if (tools.filter(({ by }) => by === 'provider').length > MAX_HOSTED)
    return unacceptable('tools', `expected at most ${MAX_HOSTED} tools of the provider`);
  const wrong = tools.find(({ name }) => !TOOL_NAME.test(name));
  if (wrong !== undefined) return unacceptable('tools', 'expected names of visible ASCII characters, 256 at most');
  const known = new Set([...reading.content, ...reading.limits, 'model', 'stream']);
  const only = (wanted: boolean): JsonObject =>
    Object.fromEntries(
      Object.entries(body).filter(([name]) => (wanted ? reading.content.includes(name) : !known.has(name))),
    );
  return {
    model,
    stream,
    maxTokens: limits.length === 0 ? undefined : Math.max(...limits) * choices,
    tools,
    content: only(true),
    params: only(false),
  };
}

/**
 * The request with limits that allow at most so many tokens over all choices; nothing when one choice would have none.
 * @param fallback the limit to set when the request has none
 */
export function withLimit(
  body: JsonObject,
  reading: Reading,
  maxTokens: number,
  fallback: string,
): JsonObject | undefined {
  const choices = (reading.choices === undefined ? undefined : body[reading.choices]) ?? 1;
  const each = Math.floor(maxTokens / Number(choices));
  if (each < 1) return undefined;
  const present = reading.limits.filter((name) => isTokenCount(body[name]));
  const names = present.length === 0 ? [fallback] : present;
  return { ...body, ...Object.fromEntries(names.map((name) => [name, Math.min(each, Number(body[name] ?? each))])) };
}

/** The definitions in a member that is a list of objects. */
export function definitionsOf(body: JsonObject, name: string): readonly JsonObject[] | Unacceptable {
  const value = body[name] ?? [];
  return objectsOf(value) ?? unacceptable(name, 'expected a list of objects');
}

/** The name in a definition, or in a member of it; an empty one is refused by whoever reads the request. */
export function nameOf(definition: JsonObject, member?: string): string {
  const holder = member === undefined ? definition : definition[member];
  const name = isObject(holder) ? holder['name'] : undefined;
  return typeof name === 'string' ? name : '';
}

/** Why not. */
export function unacceptable(param: string, message: string): Unacceptable {
  return { param, message: `${param}: ${message}` };
}

function isTokenCount(value: Json | undefined): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 1;
}
