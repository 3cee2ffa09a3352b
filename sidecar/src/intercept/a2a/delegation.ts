/**
 * Who handed a task on (contracts §1, `context.delegation`). The chain travels in one request header: every sidecar adds
 * its agent and the decision that allowed the hop. Between two sidecars stands the agent that was asked, which has to
 * repeat the header, so a chain is what that agent says and no more (ADR-0031).
 */

import type { JsonObject } from '@portcullis/policy/model';
import { parseStrictJson } from '@portcullis/runtime';
import { isObject } from '../mcp/message.js';

/** Carries the chain, as JSON. */
export const DELEGATION_HEADER = 'portcullis-delegation';

/** One hop that was allowed. */
export interface DelegationLink {
  /** `<tenant>/<agent>` of who handed it on. */
  readonly agent: string;
  /** The decision that allowed it, in that agent's records. */
  readonly decision_id: string;
}

/** The chain of the work at hand, first hop first. Empty: nobody handed it to this agent, or it does not say so. */
export type DelegationChain = readonly DelegationLink[];

const MAX_BYTES = 16_384;
const AGENT = /^[A-Za-z0-9._-]{1,256}\/[A-Za-z0-9._-]{1,256}$/;
const DECISION = /^[\x21-\x7e]{1,256}$/;

/**
 * Reads the header.
 * @param maxDepth most hops that the work may have behind it
 */
export function readDelegation(
  header: string | undefined,
  maxDepth: number,
): { readonly ok: true; readonly chain: DelegationChain } | { readonly ok: false; readonly message: string } {
  if (header === undefined) return { ok: true, chain: [] };
  const parsed = parseStrictJson(Buffer.from(header, 'latin1'), { maxBytes: MAX_BYTES });
  const value = parsed.ok ? parsed.value : undefined;
  const links =
    isObject(value) && value['version'] === 1 && Object.keys(value).length === 2 ? value['chain'] : undefined;
  if (!Array.isArray(links)) return bad('it must be {"version":1,"chain":[…]}, as it was received');
  if (links.length > maxDepth) return bad(`the task was handed on ${links.length} times, allowed are ${maxDepth}`);
  const chain: DelegationLink[] = [];
  for (const link of links) {
    const agent = isObject(link) ? link['agent'] : undefined;
    const decision = isObject(link) ? link['decision_id'] : undefined;
    const isLink =
      typeof agent === 'string' &&
      typeof decision === 'string' &&
      AGENT.test(agent) &&
      DECISION.test(decision) &&
      Object.keys(link).length === 2;
    if (!isLink) return bad('every hop must be {"agent":"<tenant>/<agent>","decision_id":"…"}');
    chain.push({ agent, decision_id: decision });
  }
  return { ok: true, chain };
}

/** What policies read as `context.delegation`. */
export function delegationContext(chain: DelegationChain): JsonObject {
  const links = chain.map(({ agent, decision_id }): JsonObject => ({ agent, decision_id }));
  return { depth: chain.length, agents: chain.map(({ agent }) => agent), chain: links, asserted_by: 'agent' };
}

/** The header of the next hop. */
export function extendedDelegation(chain: DelegationChain, next: DelegationLink): string {
  return JSON.stringify({ version: 1, chain: [...chain, next] });
}

function bad(message: string): { readonly ok: false; readonly message: string } {
  return { ok: false, message: `${DELEGATION_HEADER}: ${message}` };
}
