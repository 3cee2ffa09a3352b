/** The other way round than the PDP: what an AuthZEN caller says so that a canonical request comes of it. */

import { type CanonicalRequest, CONDITION_TYPES, type JsonObject, kindOf } from '@portcullis/policy/model';

/**
 * `undefined` for a request that AuthZEN has no words for, such as one without an action. The tenant is not said: it is
 * that of a gateway which speaks for one alone.
 */
export function toAuthzenRequest(request: CanonicalRequest): JsonObject | undefined {
  const { agent, user, context, intent_risk: risk, source } = request;
  const target = targetOf(request);
  if (target === undefined) return undefined;
  const { id: agentId, ...agentSays } = agent;
  const subject =
    user === undefined
      ? { type: 'agent', id: agentId, properties: agentSays }
      : user.id === undefined
        ? undefined
        : { type: 'user', id: user.id, properties: { ...user, id: undefined } };
  if (subject === undefined) return undefined;
  const said = {
    subject,
    ...target,
    context: {
      ...context,
      source,
      ...(user === undefined ? {} : { agent }),
      ...(risk === undefined ? {} : { intent_risk: risk }),
      supported_obligations: CONDITION_TYPES,
    },
  };
  return JSON.parse(JSON.stringify(said)) as JsonObject;
}

function targetOf(request: CanonicalRequest): object | undefined {
  const { tool, request: model, egress, peer } = request;
  const targets = [tool, model, egress, peer].filter((one) => one !== undefined);
  if (targets.length !== 1) return undefined;
  const kind = kindOf(request);
  if (tool !== undefined && (kind === 'tool_call' || kind === 'tool_list')) {
    const { name, operation, arguments: args, ...properties } = tool;
    if (name === undefined || operation === undefined || (kind === 'tool_list') !== (operation === 'tools/list')) {
      return undefined;
    }
    return {
      action: { name: operation, properties: args },
      resource: { type: 'tool', id: name, properties },
    };
  }
  if (model !== undefined && kind === 'inference') {
    const { model: id, action, ...properties } = model;
    if (id === undefined || action === undefined) return undefined;
    return { action: { name: action }, resource: { type: 'model', id, properties } };
  }
  if (egress !== undefined && kind === 'egress') {
    const { host, method, ...properties } = egress;
    if (host === undefined || method === undefined) return undefined;
    return { action: { name: method }, resource: { type: 'host', id: host, properties } };
  }
  return undefined;
}
