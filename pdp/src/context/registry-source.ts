/**
 * What the bundle itself says of agents and tools, as a source of context (ADR-0012). What it says replaces what the PEP says. In
 * a closed registry the PEP says nothing at all: what it claims beyond is unavailable to policies.
 */

import { CATALOGUE_ATTRIBUTES, joinSegments, type Registry, type ToolEntry } from '@portcullis/policy';
import type { CanonicalRequest, JsonObject } from '@portcullis/policy/model';
import type { ContextSource, Supplement } from '../pipeline/ports.js';
import { AGENT_FIELDS } from './agent-source.js';

const TOOL_FIELDS = ['tool.attributes', 'facts.sinks', 'context.store'] as const;

const OWN_WORDS: ReadonlySet<string> = new Set(CATALOGUE_ATTRIBUTES.map((name) => `tool.attributes.${name}`));

/** Builds the source; it knows nothing but what is in the snapshot of the decision, and answers at once. */
export function createRegistrySource(): ContextSource {
  return {
    name: 'registry',
    provides: [...AGENT_FIELDS, ...TOOL_FIELDS],
    speaksUnder: ({ engine: { registry } }) => registry.agents !== undefined || registry.tools !== undefined,
    supplement: ({ request }, { engine: { registry } }) => {
      const agent = ofAgent(registry, request);
      const tool = ofTool(registry, request);
      const unavailable = [...(agent.unavailable ?? []), ...(tool.unavailable ?? [])];
      return { ...agent, ...tool, ...(unavailable.length === 0 ? {} : { unavailable }) };
    },
  };
}

function ofAgent(registry: Registry, { tenant_id: tenant, agent }: CanonicalRequest): Supplement {
  if (registry.agents === undefined) return {};
  const entry = registry.agentOf(tenant, agent.id);
  const isClosed = registry.agents === 'closed';
  if (entry === undefined) return isClosed ? { unavailable: AGENT_FIELDS } : {};
  const { tenant: _tenant, id: _id, ...said } = entry;
  if (!isClosed) return { agent: said };
  const claimed = (['type', 'trust_level'] as const).filter(
    (name) => agent[name] !== undefined && said[name] === undefined,
  );
  const unavailable = [
    ...claimed.map((name) => `agent.${name}`),
    ...beyond('agent', agent.attributes, said.attributes),
  ];
  return { agent: said, ...(unavailable.length === 0 ? {} : { unavailable }) };
}

function ofTool(registry: Registry, request: CanonicalRequest): Supplement {
  const { tool, tenant_id: tenant } = request;
  if (registry.tools === undefined || tool === undefined) return {};
  const { server, name } = tool;
  const entry = server === undefined || name === undefined ? undefined : registry.toolOf(tenant, server, name);
  const isClosed = registry.tools === 'closed';
  if (entry === undefined) return isClosed ? { unavailable: ['tool.attributes', 'facts.sinks'] } : {};
  const { sinks, stores } = entry;
  const attributes = attributesOf(entry, tool.definition_digest);
  const unavailable = [
    // The catalogue's own words are nobody else's about a tool that it lists.
    ...beyond('tool', tool.attributes, attributes).filter((path) => isClosed || OWN_WORDS.has(path)),
    ...(stores === undefined || isOneOf(stores, request) ? [] : ['context.store']),
  ];
  const [store] = stores ?? [];
  return {
    tool: { attributes },
    ...(sinks === undefined ? {} : { facts: { sinks } }),
    ...(store === undefined || stores?.length !== 1 ? {} : { context: { store } }),
    ...(unavailable.length === 0 ? {} : { unavailable }),
  };
}

/** Whether it is known which of a tool's stores is meant: there is one, or the request names one of them. */
function isOneOf(stores: readonly string[], { context }: CanonicalRequest): boolean {
  return stores.length === 1 || (context.store !== undefined && stores.includes(context.store));
}

function attributesOf(entry: ToolEntry, digest: string | undefined): JsonObject {
  const { attributes, sensitivity, stores, operation_class, definition_digests: pins } = entry;
  return {
    ...attributes,
    ...(sensitivity === undefined ? {} : { sensitivity }),
    ...(stores === undefined ? {} : { stores }),
    ...(operation_class === undefined ? {} : { operation_class }),
    ...(pins === undefined
      ? {}
      : { definition_matches: digest !== undefined && pins.map(bare).includes(bare(digest)) }),
  };
}

function bare(digest: string): string {
  return digest.replace(/^sha256:/, '');
}

/** Paths of the attributes that are claimed and not known. */
function beyond(subject: string, claimed: JsonObject = {}, known: JsonObject = {}): readonly string[] {
  return Object.keys(claimed)
    .filter((name) => !Object.hasOwn(known, name))
    .map((name) => joinSegments([subject, 'attributes', name]));
}
