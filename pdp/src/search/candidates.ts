/**
 * Who or what a search could find: what the bundle declares, the caller itself, what the configuration lists, or what the
 * request names (ADR-0022).
 */

import type { Registry } from '@portcullis/policy';
import type { JsonObject } from '@portcullis/policy/model';
import type { PeerIdentity } from '@portcullis/proto';
import { MCP_METHODS } from '../gateways/mcp-methods.js';
import type { Listed } from './listed.js';

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
  readonly source: 'registry' | 'catalogue' | 'caller' | 'configuration' | 'request' | 'protocol' | 'none';
  /** In an order that is the same for the same bundle, configuration and question. */
  readonly list: readonly Candidate[];
  /** Why there is no list (`none`): not because nobody may. */
  readonly why?: string;
}

/** Where lists are. */
export interface Lists {
  readonly registry: Registry;
  readonly listed: Listed;
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

/** The candidates. Where there is no list of them there are none, and it is said why. */
export function candidatesFor(sought: Sought, lists: Lists): Candidates {
  switch (sought.kind) {
    case 'subject':
      return subjects(sought, lists);
    case 'resource':
      return resources(sought, lists);
    case 'action':
      return actions(sought.type, lists);
  }
}

function subjects({ type, tenant, caller }: Sought, lists: Lists): Candidates {
  if (type !== 'agent') return configured(lists.listed.entitiesOf(type, tenant), 'entities');
  // An agent may ask about itself, and is there whether or not anybody declared it.
  return caller.kind === 'agent' ? { source: 'caller', list: [{ id: caller.agent }] } : agents(tenant, lists);
}

function resources({ type, tenant, server }: Sought, lists: Lists): Candidates {
  const { registry, listed } = lists;
  switch (type) {
    case 'tool': {
      if (registry.tools === undefined) return unlisted('the bundle in force declares no tools (data.tools)');
      const tools = registry.toolsOf(tenant).filter((tool) => server === undefined || tool.server === server);
      const list = tools.map((tool) => ({ id: tool.name, properties: { server: tool.server } }));
      return { source: 'catalogue', list };
    }
    case 'agent':
      return agents(tenant, lists);
    default:
      return configured(listed.entitiesOf(type, tenant), 'entities');
  }
}

function agents(tenant: string, { registry }: Lists): Candidates {
  if (registry.agents === undefined) return unlisted('the bundle in force declares no agents (data.agents)');
  return { source: 'registry', list: registry.agentsOf(tenant).map((id) => ({ id })) };
}

function actions(type: string, { listed }: Lists): Candidates {
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
      return configured(listed.actionsOf(type), 'actions');
  }
}

function configured(list: readonly Candidate[] | undefined, where: 'entities' | 'actions'): Candidates {
  if (list !== undefined) return { source: 'configuration', list };
  return unlisted(`neither the bundle nor http.search.${where} has a list for this type`);
}

/** There may well be some that are permitted. */
function unlisted(why: string): Candidates {
  return { source: 'none', list: [], why: `${why}, so nobody here knows whether any is permitted` };
}

function methodsOf(kinds: readonly string[]): readonly Candidate[] {
  return [...MCP_METHODS]
    .filter(([, { kind, isNotification }]) => {
      return isNotification !== true && typeof kind === 'string' && kinds.includes(kind);
    })
    .map(([id]) => ({ id }));
}
