import { z } from 'zod';
import type { JsonObject } from '../model/request.js';
import { type PriceTable, pricesShape } from '../prices/price-table.js';

/** Who else may speak of what the registry is about: `open`, everybody about what it is silent on; `closed`, nobody. */
export const REGISTRY_MODES = ['open', 'closed'] as const;
/** See {@link REGISTRY_MODES}. */
export type RegistryMode = (typeof REGISTRY_MODES)[number];

/** What the bundle says of one agent. */
export interface AgentEntry {
  readonly tenant: string;
  readonly id: string;
  readonly type?: string;
  /** 0 (untrusted) to 1. */
  readonly trust_level?: number;
  readonly attributes?: JsonObject;
}

/** What the bundle says of one tool. */
export interface ToolEntry {
  /** Absent: for every tenant that has no entry of its own. */
  readonly tenant?: string;
  readonly server: string;
  readonly name: string;
  readonly sensitivity?: string;
  readonly stores?: readonly string[];
  /** Empty: it is known to reach nothing. Absent: nobody knows. */
  readonly sinks?: readonly string[];
  readonly operation_class?: string;
  readonly definition_digests?: readonly string[];
  readonly attributes?: JsonObject;
}

/** `data.agents` of a bundle. */
export interface AgentsDocument {
  readonly registry: RegistryMode;
  readonly agents: readonly AgentEntry[];
}

/** `data.tools` of a bundle. */
export interface ToolsDocument {
  readonly catalogue: RegistryMode;
  readonly tools: readonly ToolEntry[];
}

/** Data of a bundle. */
export interface RegistryDocument {
  readonly agents?: AgentsDocument;
  readonly tools?: ToolsDocument;
  readonly prices?: PriceTable;
}

/** What the catalogue says under `tool.attributes` in words of its own; an author's attributes have other names. */
export const CATALOGUE_ATTRIBUTES = ['sensitivity', 'stores', 'operation_class', 'definition_matches'] as const;

/** Entries of one document. */
const MAX_ENTRIES = 10_000;
/** Attributes of one entry, and texts in one list. */
const MAX_MEMBERS = 64;
const SCOPE_ID = /^[A-Za-z0-9._-]{1,128}$/;
const NAME = () => z.string().min(1).max(512);
const label = () => z.string().min(1).max(1_024);
const labels = (least: number) => z.array(z.string().min(1).max(256)).min(least).max(MAX_MEMBERS);

function attributes(taken: readonly string[]) {
  return z
    .record(z.string().min(1).max(128), z.json())
    .refine((value) => Object.keys(value).length <= MAX_MEMBERS, {
      message: `expected at most ${MAX_MEMBERS} attributes`,
    })
    .refine((value) => !taken.some((name) => Object.hasOwn(value, name)), {
      message: `${taken.join(', ')} are said outside of the attributes`,
    });
}

/** The schema of `data.agents`. */
export function agentsShape(): ReturnType<typeof buildAgentsShape> {
  return buildAgentsShape();
}

// Built at each call, so that importing this file costs nothing.
function buildAgentsShape() {
  return z.strictObject({
    registry: z.enum(REGISTRY_MODES).default('open'),
    agents: z
      .array(
        z.strictObject({
          tenant: z.string().regex(SCOPE_ID, 'expected the name of a tenant'),
          id: z.string().regex(SCOPE_ID, 'expected the name of an agent'),
          type: label().exactOptional(),
          trust_level: z.number().min(0).max(1).exactOptional(),
          attributes: attributes([]).exactOptional(),
        }),
      )
      .max(MAX_ENTRIES),
  });
}

/** The schema of `data.tools`. */
export function toolsShape(): ReturnType<typeof buildToolsShape> {
  return buildToolsShape();
}

function buildToolsShape() {
  return z.strictObject({
    catalogue: z.enum(REGISTRY_MODES).default('open'),
    tools: z
      .array(
        z.strictObject({
          tenant: z.string().regex(SCOPE_ID, 'expected the name of a tenant').exactOptional(),
          server: NAME(),
          name: NAME(),
          sensitivity: label().exactOptional(),
          stores: labels(1).exactOptional(),
          sinks: labels(0).exactOptional(),
          operation_class: label().exactOptional(),
          definition_digests: z
            .array(
              z
                .string()
                .regex(/^(sha256:)?[0-9a-f]{64}$/, 'expected a SHA-256 digest: 64 lower-case hexadecimal digits'),
            )
            .min(1)
            .max(MAX_MEMBERS)
            .exactOptional(),
          attributes: attributes(CATALOGUE_ATTRIBUTES).exactOptional(),
        }),
      )
      .max(MAX_ENTRIES),
  });
}

/** The schema of all as they are packed. */
export function registryShape(): ReturnType<typeof buildRegistryShape> {
  return buildRegistryShape();
}

function buildRegistryShape() {
  return z.strictObject({
    agents: agentsShape().exactOptional(),
    tools: toolsShape().exactOptional(),
    prices: pricesShape().exactOptional(),
  });
}

/** What no two agents share. */
export function agentKey(tenant: string, id: string): string {
  return JSON.stringify([tenant, id]);
}

/** What no two tools share. */
export function toolKey(tenant: string | undefined, server: string, name: string): string {
  return JSON.stringify([tenant ?? null, server, name]);
}
