/**
 * From an AuthZEN evaluation to the canonical request; docs/guides/authzen.md is the table of this file.
 *
 * Nothing is dropped: what a policy could have read and has no place is refused, because a rule that never sees a fact
 * cannot deny by it. Nothing is claimed that the caller may not say: the tenant and agent are checked by the pipeline as
 * everywhere, and a user is named by gateways only.
 */

import type { AttemptKind, CanonicalRequest, Checked, JsonObject } from '@portcullis/policy/model';
import type { PeerIdentity } from '@portcullis/proto';
import type { Json } from '@portcullis/runtime';
import type { Entity, Evaluation } from './authzen-request.js';
import { isObject } from './body.js';
import { OWN_RESOURCE_TYPES, type Vocabulary } from './http-config.js';

/** What the request does not say itself. */
export interface Circumstances {
  readonly caller: PeerIdentity;
  /** The one tenant that the caller speaks for, if it is one. */
  readonly onlyTenant: string | undefined;
  /** RFC 3339. */
  readonly timestamp: string;
  readonly requestId: string;
  /**
   * Whether `context.approval` is a reference and no fact. Which approval there is, is found by the request alone: a
   * reference to another one is ignored.
   */
  readonly isReference: boolean;
  /** What is asked about here besides what agents do. */
  readonly vocabulary: Vocabulary;
}

type Fields = Record<string, Json>;

/** Members that the canonical object has besides `attributes`, where everything else goes. */
const AGENT_MEMBERS = ['type', 'trust_level'];
const USER_MEMBERS = ['email', 'role', 'team'];
const TOOL_MEMBERS = ['server', 'id', 'definition_digest'];
const CONTEXT_MEMBERS = [
  'timestamp',
  'request_id',
  'environment',
  'ip',
  'session_id',
  'workspace_id',
  'tenant_id',
  'data_classification',
  'labels',
  'store',
  'delegation',
  'approval',
  'task',
];
/** Members of the context that have a meaning here and are no facts of the context. */
const CONTEXT_DIRECTIVES = ['agent', 'source', 'intent_risk', 'supported_obligations', 'supported_custom_obligations'];
/** A request that says these of a tool as attributes would pass rules that read them where they belong. */
const TOOL_ELSEWHERE: Readonly<Record<string, string>> = {
  name: 'resource.id',
  operation: 'action.name',
  arguments: 'action.properties',
};

/** Where rules read the type of a resource that the configuration declares. */
const TYPE_ATTRIBUTE = 'resource_type';

class Unmappable extends Error {
  readonly path: string;
  constructor(path: string, message: string) {
    super(message);
    this.path = path;
  }
}

/** Maps one evaluation. The result has yet to pass the schema of the canonical request. */
export function toCanonical(evaluation: Evaluation, circumstances: Circumstances): Checked<CanonicalRequest> {
  try {
    return { ok: true, value: map(evaluation, circumstances) as unknown as CanonicalRequest };
  } catch (error) {
    if (!(error instanceof Unmappable)) throw error;
    return { ok: false, problems: [{ code: 'ERR_HTTP_INVALID', message: error.message, path: error.path }] };
  }
}

function map({ subject, action, resource, context }: Evaluation, circumstances: Circumstances): JsonObject {
  const directives = circumstances.isReference ? [...CONTEXT_DIRECTIVES, 'approval'] : CONTEXT_DIRECTIVES;
  const given = Object.fromEntries(Object.entries(context).filter(([name]) => !directives.includes(name)));
  const { intent_risk: risk, source = 'sdk' } = context;
  return {
    version: '1.0',
    tenant_id: tenantOf(circumstances, context),
    source,
    ...subjectOf(subject, context['agent'], circumstances),
    ...targetOf(resource, action, circumstances.vocabulary),
    context: {
      timestamp: circumstances.timestamp,
      request_id: circumstances.requestId,
      ...withAttributes(given, CONTEXT_MEMBERS, 'context'),
    },
    ...(risk === undefined ? {} : { intent_risk: risk }),
  };
}

function tenantOf({ caller, onlyTenant }: Circumstances, context: JsonObject): Json {
  const named = context['tenant_id'];
  const own = caller.kind === 'agent' ? caller.tenant : onlyTenant;
  if (caller.kind === 'agent' && own !== undefined) return own;
  if (named !== undefined) return named;
  if (own === undefined)
    throw new Unmappable('context.tenant_id', 'a gateway of several tenants says which one it means');
  return own;
}

function subjectOf(subject: Entity, onBehalf: Json | undefined, { caller, vocabulary }: Circumstances): JsonObject {
  switch (subject.type) {
    case 'agent':
      if (onBehalf !== undefined) throw new Unmappable('context.agent', 'the subject is the agent already');
      return { agent: { id: subject.id, ...withAttributes(subject.properties, AGENT_MEMBERS, 'subject.properties') } };
    case 'user':
      if (caller.kind !== 'gateway') {
        throw new Unmappable('subject.type', 'only a gateway may say which user an agent acts for');
      }
      return {
        user: { id: subject.id, ...withAttributes(subject.properties, USER_MEMBERS, 'subject.properties') },
        agent: agentOf(onBehalf === undefined ? vocabulary.agent : onBehalf),
      };
    default:
      throw new Unmappable('subject.type', 'expected agent or user');
  }
}

function agentOf(named: Json | undefined): Json {
  if (typeof named === 'string') return { id: named };
  if (isObject(named)) return named;
  throw new Unmappable('context.agent', 'expected the agent that acts for the user: its id, or an object with one');
}

function targetOf(resource: Entity, action: Evaluation['action'], { resourceTypes }: Vocabulary): JsonObject {
  switch (resource.type) {
    case 'tool':
      return toolOf(action.name === 'tools/list' ? 'tool_list' : 'tool_call', resource, action);
    case 'resource':
      return toolOf('resource', untyped(resource), action);
    case 'prompt':
    case 'session':
      return toolOf(resource.type, resource, action);
    case 'model':
      return {
        kind: 'inference',
        request: { ...united(resource, action, ['model', 'action']), model: resource.id, action: action.name },
      };
    case 'host':
      return {
        kind: 'egress',
        egress: { ...united(resource, action, ['host', 'method']), host: resource.id, method: action.name },
      };
    case 'agent':
      return {
        kind: 'a2a',
        peer: { ...united(resource, action, ['agent_id', 'skill']), agent_id: resource.id, skill: action.name },
      };
    default:
      if (resourceTypes.includes(resource.type)) return ofDeclaredType(resource, action);
      throw new Unmappable('resource.type', `expected ${[...OWN_RESOURCE_TYPES, ...resourceTypes].join(', ')}`);
  }
}

/** A resource like others, whose type rules read as an attribute. */
function ofDeclaredType(resource: Entity, action: Evaluation['action']): JsonObject {
  const { type, id, properties } = untyped(resource);
  return toolOf('resource', { type, id, properties: { ...properties, [TYPE_ATTRIBUTE]: type } }, action);
}

/** Says its type nowhere else: a resource of MCP could otherwise be taken for one of a declared type. */
function untyped(resource: Entity): Entity {
  const { properties } = resource;
  if ([properties, properties['attributes']].some((said) => isObject(said) && Object.hasOwn(said, TYPE_ATTRIBUTE))) {
    throw new Unmappable(`resource.properties.${TYPE_ATTRIBUTE}`, 'is said as resource.type');
  }
  return resource;
}

function toolOf(kind: AttemptKind, resource: Entity, action: Evaluation['action']): JsonObject {
  for (const [name, place] of Object.entries(TOOL_ELSEWHERE)) {
    if (Object.hasOwn(resource.properties, name)) {
      throw new Unmappable(`resource.properties.${name}`, `is said as ${place}`);
    }
  }
  return {
    kind,
    tool: {
      name: resource.id,
      operation: action.name,
      ...(Object.keys(action.properties).length === 0 ? {} : { arguments: action.properties }),
      ...withAttributes(resource.properties, TOOL_MEMBERS, 'resource.properties'),
    },
  };
}

/** Properties of the resource and of the action as members of one object, whose schema refuses what it does not have. */
function united(resource: Entity, action: Evaluation['action'], taken: readonly string[]): Fields {
  for (const name of Object.keys(action.properties)) {
    if (Object.hasOwn(resource.properties, name)) {
      throw new Unmappable(`action.properties.${name}`, 'is said of the resource, too');
    }
  }
  const all = { ...resource.properties, ...action.properties };
  for (const name of taken) {
    if (Object.hasOwn(all, name)) throw new Unmappable(`resource.properties.${name}`, 'is said by the id or the name');
  }
  return all;
}

/** `members` stay as they are, everything else becomes an attribute. */
function withAttributes(given: JsonObject, members: readonly string[], path: string): Fields {
  const { attributes, ...others } = given;
  if (attributes !== undefined && !isObject(attributes)) {
    throw new Unmappable(`${path}.attributes`, 'expected an object');
  }
  const result: Fields = {};
  const more: Fields = { ...attributes };
  for (const [name, value] of Object.entries(others)) {
    if (members.includes(name)) result[name] = value;
    else if (Object.hasOwn(more, name)) throw new Unmappable(`${path}.${name}`, 'is said among the attributes, too');
    else more[name] = value;
  }
  if (attributes !== undefined || Object.keys(more).length > 0) result['attributes'] = more;
  return result;
}
