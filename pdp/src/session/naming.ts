/** Which session an attempt belongs to, and which bundles care. */

import type { CanonicalRequest } from '@portcullis/policy/model';
import { kindOf, overlapsAny } from '@portcullis/policy/model';
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

/**
 * What a protocol needs to talk at all is no act of the agent, and would push its acts out of the history. Nor is what its
 * sidecar asks about a card: a rule about what was done before would take it for done.
 */
export function isRecorded(request: CanonicalRequest): boolean {
  const isLook = request.source === 'a2a_proxy' && request.tool?.operation === LOOK_AT_SKILL;
  return kindOf(request) !== 'session' && !isLook;
}

/** Whether the PEP that asks is one that can report what came back. The answers of an agent to a server are its own. */
export function canReport({ source, tool }: CanonicalRequest): boolean {
  return source === 'mcp_proxy' && tool?.attributes?.['direction'] === 'client_to_server';
}
