import { DECISION_EFFECTS } from '../model/decision.js';
import { type ContextualRequest, TASK_SCOPES, VALUE_ROLES } from '../model/facts.js';
import { ATTEMPT_KINDS, ENVIRONMENTS, SOURCES } from '../model/request.js';

/**
 * What a field holds. `any`: whatever the caller put there, so an operator's own literal says which type is expected.
 * `object`: a container; one can ask only whether it is there.
 */
export const FIELD_TYPES = [
  'string',
  'number',
  'boolean',
  'datetime',
  'ip',
  'string_list',
  'number_list',
  'object',
  'any',
] as const;
/** See {@link FIELD_TYPES}. */
export type FieldType = (typeof FIELD_TYPES)[number];

/** What is known of a path. */
export interface FieldRow {
  readonly type: FieldType;
  /** The only values the field, or an element of the list, can have. */
  readonly members?: readonly string[];
  /** Holds payload or personal data. */
  readonly sensitive?: true;
  /** Names inside this container are fields too, of this type. */
  readonly open?: 'any' | 'number';
  /** The index of the segment whose value is a list; the field is then the list of what follows in each element. */
  readonly each?: number;
  /** What an element of the list is; a container's elements have rows of their own, below `[any]`. */
  readonly element?: FieldRow;
}

/** Every path of the request and of the facts down to its second level, from the model's own types. */
type Top = Required<Omit<ContextualRequest, 'unavailable'>>;
type SecondLevelPath = {
  [K in keyof Top]: Top[K] extends object ? K | `${K}.${Extract<keyof Top[K], string>}` : K;
}[keyof Top];

/** The fields of one element of a list. */
type ElementPath<P extends string, E> = `${P}[any].${Extract<keyof E, string>}`;
type Signal = NonNullable<Top['intent_risk']['behavioral_signals']>[number];
type Past = NonNullable<Top['facts']['history']>[number];
type Origin = NonNullable<Top['facts']['provenance']>[number];
type BuiltInPath =
  | SecondLevelPath
  | 'intent_risk.behavioral_signals.signal_type'
  | ElementPath<'intent_risk.behavioral_signals', Signal>
  | ElementPath<'facts.history', Past>
  | ElementPath<'facts.provenance', Origin>;

const OBJECT: FieldRow = { type: 'object' };
const TEXT: FieldRow = { type: 'string' };
const NUMBER: FieldRow = { type: 'number' };
const TEXTS: FieldRow = { type: 'string_list' };
const OPEN: FieldRow = { type: 'object', open: 'any', sensitive: true };
const LIST: FieldRow = { type: 'object', element: OBJECT };

/** The fields. A field added to the model does not compile until it has a row here. */
export const BUILT_IN = {
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
  'egress.resolved_ips': { type: 'string_list', element: { type: 'ip' } },
  'egress.bytes': NUMBER,
  peer: OBJECT,
  'peer.agent_id': TEXT,
  'peer.skill': TEXT,
  'peer.url': { type: 'string', sensitive: true },
  context: OBJECT,
  'context.timestamp': { type: 'datetime' },
  'context.request_id': TEXT,
  'context.environment': { type: 'string', members: ENVIRONMENTS },
  'context.ip': { type: 'ip' },
  'context.session_id': TEXT,
  'context.workspace_id': TEXT,
  'context.tenant_id': TEXT,
  'context.data_classification': TEXT,
  'context.labels': TEXTS,
  'context.store': TEXT,
  'context.delegation': OPEN,
  'context.approval': OPEN,
  'context.task': OPEN,
  'context.attributes': OPEN,
  intent_risk: OBJECT,
  'intent_risk.decision': { type: 'string', members: ['ALLOW', 'REVIEW', 'BLOCK'] },
  'intent_risk.explanation': { type: 'string', sensitive: true },
  'intent_risk.behavioral_signals': LIST,
  'intent_risk.behavioral_signals.signal_type': { type: 'string_list', each: 1 },
  'intent_risk.behavioral_signals[any].signal_type': TEXT,
  'intent_risk.behavioral_signals[any].details': OPEN,
  'intent_risk.risk_dimensions': { type: 'object', open: 'number' },
  facts: OBJECT,
  'facts.history': LIST,
  'facts.history[any].kind': { type: 'string', members: ATTEMPT_KINDS },
  'facts.history[any].server': TEXT,
  'facts.history[any].tool': TEXT,
  'facts.history[any].operation': TEXT,
  'facts.history[any].host': TEXT,
  'facts.history[any].model': TEXT,
  'facts.history[any].effect': { type: 'string', members: DECISION_EFFECTS },
  'facts.history[any].at': { type: 'datetime' },
  'facts.history[any].labels': TEXTS,
  'facts.provenance': LIST,
  'facts.provenance[any].path': TEXT,
  'facts.provenance[any].origin': TEXT,
  'facts.provenance[any].labels': TEXTS,
  'facts.provenance[any].role': { type: 'string', members: VALUE_ROLES },
  'facts.sinks': TEXTS,
  'facts.task_scope': { type: 'string', members: TASK_SCOPES },
  'facts.totals': { type: 'object', open: 'number' },
} as const satisfies Record<BuiltInPath, FieldRow>;

/** The paths of all built-in fields; below the open ones (`*.attributes`, `tool.arguments` …) any name is a field. */
export const BUILT_IN_FIELDS: readonly string[] = Object.keys(BUILT_IN);

/** What is known of a built-in path, spelled with `[any]` for every element. */
export function builtInRow(path: string): FieldRow | undefined {
  return Object.hasOwn(BUILT_IN, path) ? BUILT_IN[path as keyof typeof BUILT_IN] : undefined;
}
