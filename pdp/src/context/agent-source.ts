/** The standing of the agent as a source of context: what operators say while everything runs has the last word. */

import type { ContextSource, Supplement } from '../pipeline/ports.js';
import type { AgentStanding, AgentStore } from './agent-store.js';

/** What is known of agents, whoever says it. */
export const AGENT_FIELDS = ['agent.type', 'agent.trust_level', 'agent.attributes'] as const;

/** Builds the source. An agent of whom nothing is said gets nothing added. */
export function createAgentSource(store: Pick<AgentStore, 'find'>): ContextSource {
  return {
    name: 'agents',
    provides: AGENT_FIELDS,
    supplement: ({ request }) => {
      const found = store.find(request.tenant_id, request.agent.id);
      return found instanceof Promise ? found.then(supplementOf) : supplementOf(found);
    },
  };
}

function supplementOf(standing: AgentStanding | undefined): Supplement {
  return standing === undefined ? {} : { agent: standing };
}
