/** Who or what a search could find: what the bundle declares, the caller itself, or what the request names (ADR-0022). */

import type { Registry } from '@portcullis/policy';
import type { JsonObject } from '@portcullis/policy/model';
import type { PeerIdentity } from '@portcullis/proto';
import { MCP_METHODS } from '../gateways/mcp-methods.js';

/** What is searched for. */
export const SEARCHES = ['subject', 'resource', 'action'] as const;
/** See {@link SEARCHES}. */
export type SearchKind = (typeof SEARCHES)[number];

/** Something that may be found; an action has no type. */
export interface Candidate {
  readonly id: string;
  /** What is said of it besides, in the question and in the result. */
  readonly properties?: JsonObject;
}

/** Where candidates come from. A registry or catalogue never has all: policies may allow what nobody declared. */
export interface Candidates {
  readonly source: 'registry' | 'catalogue' | 'caller' | 'request' | 'protocol';
  /** In an order that is the same for the same bundle and question. */
  readonly list: readonly Candidate[];
}

/** What is searched. */
export interface Sought {
  readonly kind: SearchKind;
  /** Of the subject, of the resource; for actions that of the resource. */
  readonly type: string;
  /** `server` of the resource, where it is said. */
  readonly server: string | undefined;
  readonly tenant: string;
  readonly caller: PeerIdentity;
}

/** RFC 9110 §9 and RFC 5789; others can be invented. */
const HTTP_METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH'];

/** The candidates, or why there is no list of them: an empty answer would say that nobody may. */
export function candidatesFor(sought: Sought, registry: Registry): Candidates | { readonly unknown: string } {
  switch (sought.kind) {
    case 'subject':
      return subjects(sought, registry);
    case 'resource':
      return resources(sought, registry);
    case 'action':
      return actions(sought.type);
  }
}

function subjects({ type, tenant, caller }: Sought, registry: Registry): Candidates | { readonly unknown: string } {
  if (type !== 'agent') return { unknown: 'only agents are declared; who the users are, nobody here knows' };
  // An agent may ask about itself, and is there whether or not anybody declared it.
  if (caller.kind === 'agent') return { source: 'caller', list: [{ id: caller.agent }] };
  if (registry.agents === undefined) return { unknown: 'the bundle in force declares no agents (data.agents)' };
  const list = registry.agentsOf(tenant).map((id) => ({ id }));
  return { source: 'registry', list };
}

function resources({ type, tenant, server }: Sought, registry: Registry): Candidates | { readonly unknown: string } {
  switch (type) {
    case 'tool': {
      if (registry.tools === undefined) return { unknown: 'the bundle in force declares no tools (data.tools)' };
      const tools = registry.toolsOf(tenant).filter((tool) => server === undefined || tool.server === server);
      const list = tools.map((tool) => ({ id: tool.name, properties: { server: tool.server } }));
      return { source: 'catalogue', list };
    }
    case 'agent': {
      if (registry.agents === undefined) return { unknown: 'the bundle in force declares no agents (data.agents)' };
      const list = registry.agentsOf(tenant).map((id) => ({ id }));
      return { source: 'registry', list };
    }
    default:
      return { unknown: `which resources of the type ${type} there are, no bundle declares` };
  }
}

function actions(type: string): Candidates | { readonly unknown: string } {
  switch (type) {
    case 'tool':
      return { source: 'protocol', list: methodsOf(['tool_call', 'tool_list']) };
    case 'resource':
    case 'prompt':
    case 'session':
      return { source: 'protocol', list: methodsOf([type]) };
    case 'host':
      return { source: 'protocol', list: HTTP_METHODS.map((id) => ({ id })) };
    default:
      return { unknown: `what can be done with a resource of the type ${type}, no bundle declares` };
  }
}

function methodsOf(kinds: readonly string[]): readonly Candidate[] {
  return [...MCP_METHODS]
    .filter(([, { kind, isNotification }]) => {
      return isNotification !== true && typeof kind === 'string' && kinds.includes(kind);
    })
    .map(([id]) => ({ id }));
}
