import {
  type AgentEntry,
  agentKey,
  type RegistryDocument,
  type RegistryMode,
  type ToolEntry,
  toolKey,
} from './registry-shape.js';

/** What a bundle says of agents and tools. */
export interface Registry {
  /** How it speaks of agents; `undefined` when it does not. */
  readonly agents: RegistryMode | undefined;
  /** How it speaks of tools; `undefined` when it does not. */
  readonly tools: RegistryMode | undefined;
  agentOf(tenant: string, id: string): AgentEntry | undefined;
  /** The tenant's own entry, or else the one for all. */
  toolOf(tenant: string, server: string, name: string): ToolEntry | undefined;
}

/** Looks entries up; what is needed for that is made at the first question. */
export function createRegistry({ agents, tools }: RegistryDocument): Registry {
  let known: { readonly agents: Map<string, AgentEntry>; readonly tools: Map<string, ToolEntry> } | undefined;
  const index = (): NonNullable<typeof known> => {
    known ??= {
      agents: new Map(agents?.agents.map((entry) => [agentKey(entry.tenant, entry.id), entry])),
      tools: new Map(tools?.tools.map((entry) => [toolKey(entry.tenant, entry.server, entry.name), entry])),
    };
    return known;
  };
  return {
    agents: agents?.registry,
    tools: tools?.catalogue,
    agentOf: (tenant, id) => index().agents.get(agentKey(tenant, id)),
    toolOf: (tenant, server, name) =>
      index().tools.get(toolKey(tenant, server, name)) ?? index().tools.get(toolKey(undefined, server, name)),
  };
}
