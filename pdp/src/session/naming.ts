/** Which session an attempt belongs to, and which bundles care. */

import type { CanonicalRequest } from '@portcullis/policy/model';
import { kindOf, overlapsAny } from '@portcullis/policy/model';
import { carriedOut, onlyAsks } from '../pipeline/model-gateway.js';
import type { SessionKey } from './port.js';

/** What a PEP that names no session gets: everything that reads the session is unknown, or one session per agent. */
export const UNNAMED_RULES = ['deny', 'agent'] as const;
/** See {@link UNNAMED_RULES}. */
export type UnnamedRule = (typeof UNNAMED_RULES)[number];

/** The fields that follow from the session's past. `facts.sinks` follows from the request alone. */
export const SESSION_FIELDS = [
  'facts.history',
  'facts.provenance',
  'facts.task_scope',
  'facts.totals',
  'context.labels',
] as const;

/** The session of a request; `undefined` when it names none and none is meant. */
export function sessionOf(request: CanonicalRequest, unnamed: UnnamedRule): SessionKey | undefined {
  const session = request.context.session_id;
  if (session === undefined && unnamed === 'deny') return undefined;
  return { tenant: request.tenant_id, agent: request.agent.id, session };
}

/** Whether a bundle reads anything of the session's past. */
export function readsSession(factsNeeded: readonly string[]): boolean {
  return SESSION_FIELDS.some((field) => overlapsAny(field, factsNeeded));
}

/** Whether what results brought matters to a bundle: their labels and their values. */
export function readsResults(factsNeeded: readonly string[]): boolean {
  // A past attempt carries the labels of its result.
  return readsSession(factsNeeded);
}

/** A sidecar asks so whether an agent may know of a skill of another agent (ADR-0031). */
const LOOK_AT_SKILL = 'agent-card/skill';

/** They bring what a call has not brought at once (MCP, "Tasks"). */
const OF_TASKS: ReadonlySet<string> = new Set(['tasks/get', 'tasks/result']);

/** Whether a result is fetched that a call of a tool did not bring, which may be anything that a tool brings. */
export function fetchesTask({ source, tool }: CanonicalRequest): boolean {
  return (
    source === 'mcp_proxy' &&
    tool?.attributes?.['direction'] === 'client_to_server' &&
    OF_TASKS.has(tool.operation ?? '')
  );
}

/**
 * What a protocol needs to talk at all is no act of the agent, and would push its acts out of the history; to fetch what a task
 * brought is one, or no session would know of it. Nor is what its
 * sidecar asks before it shows a tool of a list or a skill of a card. Of what a model gateway asks, these are none either: a call
 * that the agent makes through the MCP proxy, where it is an attempt of its own; the list of models; and what a model answered,
 * which belongs to what it was asked (ADR-0026).
 */
export function isRecorded(request: CanonicalRequest): boolean {
  const kind = kindOf(request);
  if (kind === 'session') return fetchesTask(request);
  if (kind === 'tool_list' && request.tool?.name !== undefined) return false;
  if (request.source === 'a2a_proxy' && request.tool?.operation === LOOK_AT_SKILL) return false;
  if (request.source !== 'llm_proxy') return true;
  return carriedOut(request) !== 'mcp' && !onlyAsks(request) && request.request?.action !== 'completion';
}

/**
 * Whether the PEP that asks is one that can report what came back. The answers of an agent to a server are its own. Of a model
 * somebody else's words come back only where its provider used tools while it answered.
 */
export function canReport(request: CanonicalRequest): boolean {
  const { source, tool } = request;
  if (source === 'llm_proxy') return kindOf(request) === 'inference' && usesHostedTools(request);
  return source === 'mcp_proxy' && tool?.attributes?.['direction'] === 'client_to_server';
}

/**
 * Whether the attempt brings nothing into the session: a model says again what it was told or makes it up, which is the agent's
 * own; and what a provider's tool brought comes, and is reported, with the answer.
 */
export function bringsNothing(request: CanonicalRequest): boolean {
  if (request.source !== 'llm_proxy') return false;
  if (kindOf(request) === 'inference') return !usesHostedTools(request);
  return carriedOut(request) === 'provider';
}

function usesHostedTools({ tool }: CanonicalRequest): boolean {
  return tool?.attributes?.['hosted_tools'] !== undefined;
}
