import canonicalize from 'canonicalize';
import { createPriceList, type PriceList } from '../prices/price-list.js';
import type { PriceTable } from '../prices/price-table.js';
import {
  type AgentEntry,
  agentKey,
  type RegistryDocument,
  type RegistryMode,
  type ToolEntry,
  toolKey,
} from './registry-shape.js';

/**
 * Entries as flat texts: as objects, ten thousand of them would stop the thread that they are handed to for longer than a
 * decision may take. An entry is parsed when it is asked for.
 */
export interface RegistryTable {
  readonly mode: RegistryMode;
  /** Sorted by code unit. */
  readonly keys: readonly string[];
  /** The entry of each key, as canonical JSON. */
  readonly texts: readonly string[];
}

/** A registry, compiled. */
export interface RegistryIr {
  readonly agents?: RegistryTable;
  readonly tools?: RegistryTable;
  readonly prices?: PriceTable;
}

/** What a bundle says of agents, tools and prices. */
export interface Registry {
  /** How it speaks of agents; `undefined` when it does not. */
  readonly agents: RegistryMode | undefined;
  /** How it speaks of tools; `undefined` when it does not. */
  readonly tools: RegistryMode | undefined;
  /** What calls cost; `undefined` when the bundle does not say. */
  readonly prices: PriceList | undefined;
  agentOf(tenant: string, id: string): AgentEntry | undefined;
  /** The tenant's own entry, or else the one for all. */
  toolOf(tenant: string, server: string, name: string): ToolEntry | undefined;
  /** Ids of the tenant's agents, by code unit. For listing: takes time in proportion. */
  agentsOf(tenant: string): readonly string[];
  /** The tenant's tools and those for all, each once, by server and name. For listing: takes time in proportion. */
  toolsOf(tenant: string): readonly ToolName[];
}

/** What a tool is called. */
export type ToolName = Pick<ToolEntry, 'server' | 'name'>;

/** Compiles a registry; no two entries of the document share a key. */
export function compileRegistry({ agents, tools, prices }: RegistryDocument): RegistryIr {
  return {
    ...(agents === undefined
      ? {}
      : { agents: tableOf(agents.registry, agents.agents, ({ tenant, id }) => agentKey(tenant, id)) }),
    ...(tools === undefined
      ? {}
      : {
          tools: tableOf(tools.catalogue, tools.tools, ({ tenant, server, name }) => toolKey(tenant, server, name)),
        }),
    ...(prices === undefined ? {} : { prices }),
  };
}

/** Looks entries up, in logarithmic time. */
export function createRegistry({ agents, tools, prices }: RegistryIr): Registry {
  return {
    agents: agents?.mode,
    tools: tools?.mode,
    prices: prices === undefined ? undefined : createPriceList(prices),
    agentOf: (tenant, id) => find<AgentEntry>(agents, agentKey(tenant, id)),
    toolOf: (tenant, server, name) =>
      find<ToolEntry>(tools, toolKey(tenant, server, name)) ?? find<ToolEntry>(tools, toolKey(undefined, server, name)),
    agentsOf: (tenant) => keysUnder(agents, tenant).map(([id = '']) => id),
    toolsOf: (tenant) => {
      const named = [...keysUnder(tools, tenant), ...keysUnder(tools, null)];
      const known = new Map(
        named.map(([server = '', name = '']) => [JSON.stringify([server, name]), { server, name }]),
      );
      return [...known].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, tool]) => tool);
    },
  };
}

/** What follows the tenant in the keys that begin with it. */
function keysUnder(table: RegistryTable | undefined, tenant: string | null): readonly (readonly string[])[] {
  if (table === undefined) return [];
  const start = `[${JSON.stringify(tenant)},`;
  const { keys } = table;
  const found: string[][] = [];
  for (let index = lowerBound(keys, start); keys[index]?.startsWith(start) === true; index += 1) {
    found.push((JSON.parse(keys[index] ?? '[]') as string[]).slice(1));
  }
  return found;
}

/** Index of the first key that is not before `wanted`. */
function lowerBound(keys: readonly string[], wanted: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((keys[middle] ?? '') < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}

function tableOf<E>(mode: RegistryMode, entries: readonly E[], keyOf: (entry: E) => string): RegistryTable {
  const rows = entries
    .map((entry) => ({ key: keyOf(entry), text: canonicalize(entry) ?? '' }))
    .sort((a, b) => (a.key < b.key ? -1 : 1));
  return { mode, keys: rows.map(({ key }) => key), texts: rows.map(({ text }) => text) };
}

function find<E>(table: RegistryTable | undefined, key: string): E | undefined {
  if (table === undefined) return undefined;
  const { keys, texts } = table;
  const index = lowerBound(keys, key);
  const text = keys[index] === key ? texts[index] : undefined;
  return text === undefined ? undefined : (JSON.parse(text) as E);
}
