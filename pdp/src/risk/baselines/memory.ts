/** Baselines in this process: every PDP learns for itself, from nothing at every start. */

import { COUNTER_FAMILIES, type FadingCount, faded, type Increment } from '@portcullis/policy/risk';
import { type AgentKey, type BaselineStore, MAX_NAMES } from './port.js';

/** How much is kept. */
export interface MemoryBaselineOptions {
  /** Beyond it the agent that was not heard of for longest is forgotten. */
  readonly maxAgents: number;
}

interface Kept {
  readonly since: number;
  readonly counters: Map<string, FadingCount>;
}

/** Makes one. Never rejects. */
export function createMemoryBaselineStore({ maxAgents }: MemoryBaselineOptions): BaselineStore {
  // In the order of the last observation.
  const agents = new Map<string, Kept>();
  return {
    read: async (agent) => {
      const kept = agents.get(keyOf(agent));
      return kept === undefined ? undefined : { since: kept.since, counters: new Map(kept.counters) };
    },
    observe: async (agent, increments, now) => {
      const key = keyOf(agent);
      const kept = agents.get(key) ?? { since: now, counters: new Map() };
      agents.delete(key);
      agents.set(key, kept);
      for (const increment of increments) add(kept.counters, increment, now);
      if (agents.size > maxAgents) for (const oldest of agents.keys()) return void agents.delete(oldest);
    },
    close: async () => agents.clear(),
  };
}

function keyOf({ tenant, agent }: AgentKey): string {
  return JSON.stringify([tenant, agent]);
}

function add(counters: Map<string, FadingCount>, { counter, by, halfLifeMs }: Increment, now: number): void {
  const known = counters.get(counter);
  if (known === undefined) makeRoom(counters, counter, halfLifeMs, now);
  counters.set(counter, { value: (known === undefined ? 0 : faded(known, now, halfLifeMs)) + by, at: now });
}

function makeRoom(counters: Map<string, FadingCount>, counter: string, halfLifeMs: number, now: number): void {
  const family = COUNTER_FAMILIES.find((name) => counter.startsWith(`${name}:`));
  if (family === undefined) return;
  const members = [...counters].filter(([name]) => name.startsWith(`${family}:`));
  if (members.length < MAX_NAMES) return;
  const [least] = members
    .map(([name, count]) => ({ name, value: faded(count, now, halfLifeMs) }))
    .toSorted((a, b) => a.value - b.value || (a.name < b.name ? -1 : 1));
  if (least !== undefined) counters.delete(least.name);
}
