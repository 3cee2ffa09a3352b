/** What a model gateway says of what it asks about (ADR-0026). It is a PEP, and no agent. */

import type { CanonicalRequest } from '@portcullis/policy/model';

/**
 * Who carries out what is asked about: the agent itself, the agent through the MCP proxy, the provider while it answers, or, as
 * for the list of models, nobody. `undefined` for what a gateway forwards itself, and for every other PEP.
 */
export function carriedOut({ source, tool }: CanonicalRequest): unknown {
  return source === 'llm_proxy' ? tool?.attributes?.['carried_out'] : undefined;
}

/** Whether somebody only wants to know what would be decided. */
export function onlyAsks(request: CanonicalRequest): boolean {
  return carriedOut(request) === 'never';
}
