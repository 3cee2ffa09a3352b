/** Standings in this process: for a PDP that is alone. Empty at every start; whoever embeds the PDP says what holds. */

import { PortcullisError } from '@portcullis/runtime';
import { createStandingCodec, requireAgentName } from './agent-standing.js';
import type { AgentStanding, AgentStore } from './agent-store.js';

/** An empty store for at most `maxAgents`. */
export function createMemoryAgentStore({ maxAgents }: { readonly maxAgents: number }): AgentStore {
  const codec = createStandingCodec();
  const standings = new Map<string, AgentStanding>();
  const listeners = new Set<() => void>();
  let epoch = 1;
  const keyOf = (tenant: string, agent: string): string => {
    requireAgentName(tenant, agent);
    return `${tenant}:${agent}`;
  };
  const changed = (): number => {
    epoch += 1;
    for (const listener of listeners) listener();
    return epoch;
  };
  return {
    find: (tenant, agent) => standings.get(`${tenant}:${agent}`),
    put: async (tenant, agent, standing) => {
      const key = keyOf(tenant, agent);
      const kept = codec.parse(Buffer.from(codec.print(standing)));
      if (!standings.has(key) && standings.size >= maxAgents) {
        throw new PortcullisError('ERR_CONTEXT_STORE', 'unavailable', 'there is no room for another agent');
      }
      standings.set(key, kept);
      return changed();
    },
    remove: async (tenant, agent) => {
      standings.delete(keyOf(tenant, agent));
      return changed();
    },
    current: () => epoch,
    onChange: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close: () => listeners.clear(),
  };
}
