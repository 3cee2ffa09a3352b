import type { ContextualRequest } from '../../model/facts.js';
import { type AttemptKind, type Json, type JsonObject, kindOf } from '../../model/request.js';
import {
  type CedarRecord,
  type CedarValue,
  checkSize,
  toCedarRecord,
  toDatetime,
  toDecimal,
  toIpAddress,
} from './cedar-values.js';

/** An entity's name. */
export interface EntityUid {
  readonly type: string;
  readonly id: string;
}

/** An entity as Cedar's JSON form has it. */
export interface CedarEntity {
  readonly uid: EntityUid;
  readonly attrs: CedarRecord;
  readonly parents: readonly EntityUid[];
  readonly tags?: CedarRecord;
}

/** A request in Cedar's terms. */
export interface CedarRequest {
  readonly principal: EntityUid;
  readonly action: EntityUid;
  readonly resource: EntityUid;
  readonly context: CedarRecord;
  /** The principal, the resource, and the groups they are in. */
  readonly entities: readonly CedarEntity[];
}

/** The parts of a request that can be what it acts on. */
type Surface = 'tool' | 'request' | 'egress' | 'peer';
const SURFACES: readonly Surface[] = ['tool', 'request', 'egress', 'peer'];

/** What each kind of attempt acts on: the part of the request, its entity type, and what names it inside what. */
const RESOURCES = {
  tool: { type: 'Tool', group: 'Server', groupField: 'server', nameField: 'name' },
  request: { type: 'Model', group: 'Provider', groupField: 'model_provider', nameField: 'model' },
  egress: { type: 'Host', group: undefined, groupField: undefined, nameField: 'host' },
  peer: { type: 'Peer', group: undefined, groupField: undefined, nameField: 'agent_id' },
} as const satisfies Record<Surface, object>;

const SURFACE_OF_KIND = {
  tool_call: 'tool',
  tool_list: 'tool',
  resource: 'tool',
  prompt: 'tool',
  session: 'tool',
  inference: 'request',
  egress: 'egress',
  a2a: 'peer',
} as const satisfies Record<AttemptKind, Surface>;

/**
 * Principal, action, resource and context of a request; docs/guides/other-engines.md has the table.
 * @throws TypeError when the request holds something that Cedar has no value for
 */
export function toCedarRequest(request: ContextualRequest): CedarRequest {
  checkSize(request);
  const kind = kindOf(request);
  const surface: Surface | undefined = SURFACE_OF_KIND[kind];
  if (surface === undefined) throw new TypeError('kind is not a kind of attempt');
  const agent = agentEntity(request);
  const target = resourceEntity(request, surface);
  return {
    principal: agent.entity.uid,
    action: { type: 'Action', id: kind },
    resource: target.entity.uid,
    context: contextOf(request, surface),
    entities: [agent.entity, ...agent.groups, target.entity, ...target.groups],
  };
}

interface Named {
  readonly entity: CedarEntity;
  readonly groups: readonly CedarEntity[];
}

function agentEntity({ tenant_id: tenant, agent }: ContextualRequest): Named {
  const written = objectAt(agent as unknown as Json, 'agent');
  const tenantUid = { type: 'Tenant', id: textAt(tenant, 'tenant_id') };
  const { trust_level: trust, ...rest } = written;
  const attrs = {
    ...toCedarRecord(rest, 'agent'),
    ...(trust === undefined || trust === null ? {} : { trust_level: toDecimal(trust, 'agent.trust_level') }),
    tenant: tenantUid.id,
  };
  const uid = { type: 'Agent', id: joinIds(tenantUid.id, textAt(written['id'], 'agent.id')) };
  return { entity: { uid, attrs, parents: [tenantUid] }, groups: [bare(tenantUid)] };
}

function resourceEntity(request: ContextualRequest, surface: Surface): Named {
  const { type, group, groupField, nameField } = RESOURCES[surface];
  const part = request[surface];
  const written = part === undefined ? {} : objectAt(part as unknown as Json, surface);
  const attrs = surfaceRecord(written, surface);
  const name = written[nameField] === undefined ? '' : textAt(written[nameField], `${surface}.${nameField}`);
  if (group === undefined) return { entity: { uid: { type, id: name }, attrs, parents: [] }, groups: [] };
  const outer = written[groupField] === undefined ? '' : textAt(written[groupField], `${surface}.${groupField}`);
  const parent = { type: group, id: outer };
  const uid = { type, id: joinIds(outer, name) };
  return { entity: { uid, attrs, parents: [parent] }, groups: [bare(parent)] };
}

/** The rest of the request: what `context` has, and beside it every part that is neither principal nor resource. */
function contextOf(request: ContextualRequest, surface: Surface): CedarRecord {
  const written = objectAt(request.context as unknown as Json, 'context');
  const { timestamp, ip, ...rest } = written;
  const others = SURFACES.filter((other) => other !== surface && request[other] !== undefined).map(
    (other): readonly [string, CedarValue] => [
      other,
      surfaceRecord(objectAt(request[other] as unknown as Json, other), other),
    ],
  );
  return {
    ...toCedarRecord(rest, 'context'),
    ...present(timestamp, (value) => ({ timestamp: toDatetime(value, 'context.timestamp') })),
    ...present(ip, (value) => ({ ip: toIpAddress(value, 'context.ip') })),
    ...Object.fromEntries(others),
    ...present(request.user as unknown as Json, (value) => ({ user: toCedarRecord(objectAt(value, 'user'), 'user') })),
    ...present(request.intent_risk as unknown as Json, (value) => ({ intent_risk: riskRecord(value) })),
    ...present(request.facts as unknown as Json, (value) => ({
      facts: toCedarRecord(objectAt(value, 'facts'), 'facts'),
    })),
    source: textAt(request.source, 'source'),
    // The certificate's tenant, whatever the context says.
    tenant_id: textAt(request.tenant_id, 'tenant_id'),
  };
}

function surfaceRecord(written: JsonObject, surface: Surface): CedarRecord {
  if (surface !== 'egress') return toCedarRecord(written, surface);
  const { resolved_ips: ips, ...rest } = written;
  return {
    ...toCedarRecord(rest, surface),
    ...present(ips, (list) => {
      if (!Array.isArray(list)) throw new TypeError('egress.resolved_ips is not a list');
      return { resolved_ips: (list as readonly Json[]).map((ip) => toIpAddress(ip, 'egress.resolved_ips')) };
    }),
  };
}

/** Risk dimensions are shares, so they are decimals even when they happen to be 0 or 1. */
function riskRecord(value: Json): CedarRecord {
  const { risk_dimensions: dimensions, ...rest } = objectAt(value, 'intent_risk');
  const path = 'intent_risk.risk_dimensions';
  return {
    ...toCedarRecord(rest, 'intent_risk'),
    ...present(dimensions, (shares) => ({
      risk_dimensions: Object.fromEntries(
        Object.entries(objectAt(shares, path)).map(([name, share]) => [name, toDecimal(share, `${path}.${name}`)]),
      ),
    })),
  };
}

function present(value: Json | undefined, make: (value: Json) => CedarRecord): CedarRecord {
  return value === undefined || value === null ? {} : make(value);
}

function bare(uid: EntityUid): CedarEntity {
  return { uid, attrs: {}, parents: [] };
}

/** `outer/inner`; a slash inside `outer` is escaped, so that no other pair has the same name. */
function joinIds(outer: string, inner: string): string {
  return `${outer.replaceAll('%', '%25').replaceAll('/', '%2F')}/${inner}`;
}

function textAt(value: Json | undefined, path: string): string {
  if (typeof value !== 'string') throw new TypeError(`${path} is not a text`);
  return value;
}

function objectAt(value: Json, path: string): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new TypeError(`${path} is not an object`);
  return value as JsonObject;
}
