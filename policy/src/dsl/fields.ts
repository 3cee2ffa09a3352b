import type { CanonicalRequest } from '../model/request.js';
import { ATTEMPT_KINDS, ENVIRONMENTS, SOURCES } from '../model/request.js';
import { didYouMean, nearest } from './nearest.js';

/**
 * What a field holds. `any`: whatever the caller put there, so an operator's own literal says which type is expected.
 * `object`: a container; one can ask only whether it is there.
 */
export const FIELD_TYPES = ['string', 'number', 'boolean', 'string_list', 'object', 'any'] as const;
/** See {@link FIELD_TYPES}. */
export type FieldType = (typeof FIELD_TYPES)[number];

/** What is known of a field that a condition names. */
export interface Field {
  /** The normal spelling of the path; dots and backslashes inside a segment are escaped with a backslash. */
  readonly path: string;
  readonly segments: readonly string[];
  readonly type: FieldType;
  /** The only values the field can have, when they are a closed list. */
  readonly members?: readonly string[];
  /** Holds payload or personal data: an explanation shows its type and length only. */
  readonly sensitive: boolean;
  /** The index of the segment whose value is a list; the field is then the list of what follows in each element. */
  readonly each?: number;
}

interface FieldRow {
  readonly type: FieldType;
  readonly members?: readonly string[];
  readonly sensitive?: true;
  /** Names inside this container are fields too, of this type. */
  readonly open?: 'any' | 'number';
  readonly each?: number;
}

/** Every path of the canonical request down to its second level, from the model's own types. */
type Top = Required<CanonicalRequest>;
type BuiltInPath = {
  [K in keyof Top]: Top[K] extends object ? K | `${K}.${Extract<keyof Top[K], string>}` : K;
}[keyof Top];

const OBJECT: FieldRow = { type: 'object' };
const TEXT: FieldRow = { type: 'string' };
const NUMBER: FieldRow = { type: 'number' };
const TEXTS: FieldRow = { type: 'string_list' };
const OPEN: FieldRow = { type: 'object', open: 'any', sensitive: true };

/** The fields. A field added to the model does not compile until it has a row here. */
const BUILT_IN = {
  version: { type: 'string', members: ['1.0'] },
  tenant_id: TEXT,
  source: { type: 'string', members: SOURCES },
  kind: { type: 'string', members: ATTEMPT_KINDS },
  agent: OBJECT,
  'agent.id': TEXT,
  'agent.type': TEXT,
  'agent.trust_level': NUMBER,
  'agent.attributes': OPEN,
  tool: OBJECT,
  'tool.id': TEXT,
  'tool.name': TEXT,
  'tool.operation': TEXT,
  'tool.server': TEXT,
  'tool.arguments': OPEN,
  'tool.definition_digest': TEXT,
  'tool.attributes': OPEN,
  user: OBJECT,
  'user.id': TEXT,
  'user.email': { type: 'string', sensitive: true },
  'user.role': TEXT,
  'user.team': TEXT,
  'user.attributes': OPEN,
  request: OBJECT,
  'request.action': TEXT,
  'request.model': TEXT,
  'request.model_provider': TEXT,
  'request.model_endpoint': TEXT,
  'request.estimated_tokens': NUMBER,
  'request.max_tokens': NUMBER,
  'request.stream': { type: 'boolean' },
  'request.query': { type: 'string', sensitive: true },
  'request.output': { type: 'string', sensitive: true },
  egress: OBJECT,
  'egress.scheme': TEXT,
  'egress.host': TEXT,
  'egress.port': NUMBER,
  'egress.method': TEXT,
  'egress.path': { type: 'string', sensitive: true },
  'egress.resolved_ips': TEXTS,
  'egress.bytes': NUMBER,
  peer: OBJECT,
  'peer.agent_id': TEXT,
  'peer.skill': TEXT,
  'peer.url': { type: 'string', sensitive: true },
  context: OBJECT,
  'context.timestamp': TEXT,
  'context.request_id': TEXT,
  'context.environment': { type: 'string', members: ENVIRONMENTS },
  'context.ip': TEXT,
  'context.session_id': TEXT,
  'context.workspace_id': TEXT,
  'context.tenant_id': TEXT,
  'context.data_classification': TEXT,
  'context.labels': TEXTS,
  'context.store': TEXT,
  'context.delegation': OPEN,
  'context.approval': OPEN,
  'context.attributes': OPEN,
  intent_risk: OBJECT,
  'intent_risk.decision': { type: 'string', members: ['ALLOW', 'REVIEW', 'BLOCK'] },
  'intent_risk.explanation': { type: 'string', sensitive: true },
  'intent_risk.behavioral_signals': OBJECT,
  'intent_risk.behavioral_signals.signal_type': { type: 'string_list', each: 1 },
  'intent_risk.risk_dimensions': { type: 'object', open: 'number' },
} as const satisfies Record<BuiltInPath | 'intent_risk.behavioral_signals.signal_type', FieldRow>;

/** The paths of all built-in fields; below the open ones (`*.attributes`, `tool.arguments` …) any name is a field. */
export const BUILT_IN_FIELDS: readonly string[] = Object.keys(BUILT_IN);

const MAX_SEGMENTS = 16;
const FORBIDDEN_SEGMENTS: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

function rowOf(path: string): FieldRow | undefined {
  return Object.hasOwn(BUILT_IN, path) ? BUILT_IN[path as keyof typeof BUILT_IN] : undefined;
}

/** Splits `a.b\.c` into `a` and `b.c`. The only escapes are `\.` and `\\`. */
function splitPath(text: string): readonly string[] | undefined {
  const segments: string[] = [];
  let current = '';
  for (let index = 0; index < text.length; index += 1) {
    const char = text[index] ?? '';
    if (char === '\\') {
      const escaped = text[index + 1];
      if (escaped !== '.' && escaped !== '\\') return undefined;
      current += escaped;
      index += 1;
    } else if (char === '.') {
      segments.push(current);
      current = '';
    } else {
      current += char;
    }
  }
  segments.push(current);
  return segments.includes('') ? undefined : segments;
}

/** The path of segments, escaped. */
export function joinSegments(segments: readonly string[]): string {
  return segments.map((segment) => segment.replaceAll('\\', '\\\\').replaceAll('.', '\\.')).join('.');
}

/** Of a deep path only the container can be mistyped; the rest is the author's own. */
function suggestion(text: string, segments: readonly string[]): string {
  if (segments.length > 2) {
    const containers = BUILT_IN_FIELDS.filter((path) => rowOf(path)?.open !== undefined);
    const meant = nearest(segments.slice(0, 2).join('.'), containers);
    if (meant !== undefined) return `; did you mean "${meant}.${joinSegments(segments.slice(2))}"?`;
  }
  return didYouMean(text, BUILT_IN_FIELDS);
}

/** A field, or what is wrong with its path and what was probably meant. */
export type FieldLookup = { readonly field: Field } | { readonly problem: string };

/** Finds the field that a path of policy text names. */
export function findField(text: string): FieldLookup {
  const segments = splitPath(text);
  if (segments === undefined) {
    return { problem: `"${text}" is not a field path: names joined by dots, a dot inside a name written as "\\."` };
  }
  if (segments.length > MAX_SEGMENTS) return { problem: `the path "${text}" has more than ${MAX_SEGMENTS} names` };
  if (segments.some((segment) => FORBIDDEN_SEGMENTS.has(segment))) {
    return { problem: `the path "${text}" contains a name that a request cannot have` };
  }
  const path = joinSegments(segments);
  const row = rowOf(path);
  if (row !== undefined) {
    return {
      field: {
        path,
        segments,
        type: row.type,
        sensitive: row.sensitive === true,
        ...(row.members === undefined ? {} : { members: row.members }),
        ...(row.each === undefined ? {} : { each: row.each }),
      },
    };
  }
  const container = rowOf(segments.slice(0, 2).join('.'));
  if (container?.open !== undefined && segments.length > 2) {
    // A risk dimension is a number right below its container; the other containers hold any JSON.
    if (container.open === 'number' && segments.length > 3) return { problem: `unknown field "${text}"` };
    return { field: { path, segments, type: container.open, sensitive: container.sensitive === true } };
  }
  return { problem: `unknown field "${text}"${suggestion(text, segments)}` };
}
