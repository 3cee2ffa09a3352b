import { childPath, type Excerpt } from '@portcullis/policy';
import type { CanonicalRequest, Facts, Json, JsonObject, Source } from '@portcullis/policy/model';
import { parseCanonicalRequest } from '@portcullis/proto';
import type { SuiteProblems } from './suite-problems.js';

/** The tenant of a request whose parts name none. */
export const DEFAULT_TENANT = 'test-tenant';
/** The agent of a request whose parts name none. */
export const DEFAULT_AGENT = 'test-agent';
/** The id of a request whose parts name none; equal for all, so that nothing depends on how many tests there are. */
export const DEFAULT_REQUEST_ID = '00000000-0000-4000-8000-000000000000';

/** A part of a request, and where it is written. */
export interface RequestPart {
  readonly value: JsonObject;
  readonly where: Excerpt;
  /** Where `value` stands in `where`. */
  readonly path: string;
  /** Where `value` goes in the request: '', `tool` or `context`. */
  readonly under: '' | 'tool' | 'context';
}

/** What makes a request besides its parts. */
export interface RequestFrame {
  /** RFC 3339. */
  readonly now: string;
  readonly approved: readonly string[];
  readonly facts: Facts | undefined;
  /** Where to blame what no part says. */
  readonly where: Excerpt;
  readonly path: string;
}

/**
 * Puts a request together: defaults, then the parts in order, later ones over earlier ones, objects member by member.
 * Checks it as strictly as a PDP does and reports each problem where the part that brought it is written.
 */
export function composeRequest(
  parts: readonly RequestPart[],
  frame: RequestFrame,
  problems: SuiteProblems,
): CanonicalRequest | undefined {
  let written: JsonObject = {};
  for (const { value, under } of parts) written = merge(written, under === '' ? value : { [under]: value });
  const approval = frame.approved.length === 0 ? {} : { context: { approval: { granted: frame.approved } } };
  const defaults: JsonObject = {
    version: '1.0',
    tenant_id: DEFAULT_TENANT,
    source: impliedSource(written),
    agent: { id: DEFAULT_AGENT },
    context: { timestamp: frame.now, request_id: DEFAULT_REQUEST_ID },
  };
  const request = merge(merge(defaults, written), approval);
  const parsed = parseCanonicalRequest(request);
  if (parsed.ok) return frame.facts === undefined ? parsed.value : withFacts(parsed.value, frame.facts);
  for (const { code, path, message } of parsed.problems) {
    const { where, path: at } = placeOf(path, parts) ?? frame;
    const what = code === 'ERR_REQUEST_UNKNOWN_FIELD' ? 'key' : 'value';
    problems.add(where, at, 'ERR_TESTS_REQUEST', `${path || 'the request'}: ${message}`, what);
  }
  return undefined;
}

function withFacts(request: CanonicalRequest, facts: Facts): CanonicalRequest {
  return { ...request, facts } as CanonicalRequest;
}

function impliedSource(request: JsonObject): Source {
  if (request['tool'] !== undefined) return 'mcp_proxy';
  if (request['request'] !== undefined) return 'llm_proxy';
  if (request['egress'] !== undefined) return 'egress_proxy';
  return request['peer'] === undefined ? 'mcp_proxy' : 'a2a_proxy';
}

/** The last part that says the value at a path of the request, and the path inside it. */
function placeOf(path: string, parts: readonly RequestPart[]): { where: Excerpt; path: string } | undefined {
  for (const part of parts.toReversed()) {
    const inside = insideOf(path, part.under);
    if (inside !== undefined && has(part.value, inside)) return { where: part.where, path: join(part.path, inside) };
  }
  return undefined;
}

function insideOf(path: string, under: RequestPart['under']): string | undefined {
  if (under === '') return path;
  return path.startsWith(`${under}.`) ? path.slice(under.length + 1) : undefined;
}

function has(value: Json, path: string): boolean {
  let current: Json | undefined = value;
  for (const segment of path.split(/[.[\]]+/).filter((part) => part !== '')) {
    if (typeof current !== 'object' || current === null || !Object.hasOwn(current, segment)) return false;
    current = (current as { readonly [name: string]: Json })[segment];
  }
  return true;
}

function join(parent: string, path: string): string {
  if (path === '' || path.startsWith('[')) return parent + path;
  return childPath(parent, path);
}

function merge(under: JsonObject, over: JsonObject): JsonObject {
  const result: Record<string, Json> = { ...under };
  for (const [name, value] of Object.entries(over)) {
    const below = result[name];
    result[name] = isObject(below) && isObject(value) ? merge(below, value) : value;
  }
  return result;
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
