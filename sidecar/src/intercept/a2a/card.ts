/** An agent card as far as the sidecar acts on it: who is it, where does it listen, what can it do. */

import { createHash } from 'node:crypto';
import type { Json, JsonObject } from '@portcullis/policy/model';
import { parseStrictJson } from '@portcullis/runtime';
import { isObject } from '../mcp/message.js';
import { GENERATIONS, type Generation } from './methods.js';

/** Where an agent speaks JSON-RPC in one generation. */
export interface CardEndpoint {
  readonly url: URL;
  /** As the interface names it; clients of 1.0 repeat it in every request. */
  readonly tenant: string | undefined;
}

/** A card that was read. */
export interface AgentCard {
  readonly value: JsonObject;
  /** Lower-case hex SHA-256 of {@link canonicalCard}. */
  readonly digest: string;
  /** Ids of its skills. */
  readonly skills: readonly string[];
  /** At least one. */
  readonly endpoints: ReadonlyMap<Generation, CardEndpoint>;
}

/** Either a card or why it is none that can be used. */
export type ReadCard =
  | { readonly ok: true; readonly card: AgentCard }
  | { readonly ok: false; readonly reason: string };

/** Where a card is from. */
export interface CardOrigin {
  /** Where it was fetched. */
  readonly cardUrl: URL;
  /** Where the agent listens, whatever its card says; without it the card says so, within its own origin. */
  readonly endpoint: URL | undefined;
}

/** Reads a card of either generation out of the bytes that were fetched. */
export function readCard(bytes: Uint8Array, origin: CardOrigin, maxBytes: number): ReadCard {
  const parsed = parseStrictJson(bytes, { maxBytes });
  if (!parsed.ok) return { ok: false, reason: `the card is not strict JSON: ${parsed.reason}` };
  const value = parsed.value;
  if (!isObject(value)) return { ok: false, reason: 'the card is not an object' };
  const skills = skillIds(value);
  if (skills === undefined) return { ok: false, reason: 'the skills of the card are not a list of distinct ids' };
  const endpoints = new Map<Generation, CardEndpoint>();
  for (const { generation, url, tenant } of offered(value)) {
    const used = origin.endpoint ?? sameOrigin(url, origin.cardUrl);
    if (used !== undefined && !endpoints.has(generation)) endpoints.set(generation, { url: used, tenant });
  }
  if (endpoints.size === 0) {
    return { ok: false, reason: 'the card offers no JSON-RPC interface of A2A 1.0 or 0.3 within its own origin' };
  }
  const digest = createHash('sha256').update(canonicalCard(value)).digest('hex');
  return { ok: true, card: { value, digest, skills, endpoints } };
}

/** The card's RFC 8785 canonical JSON, without its signatures: those may be renewed while it says the same. */
export function canonicalCard({ signatures: _signatures, ...card }: JsonObject): string {
  return canonicalJson(card);
}

/** RFC 8785 of what the strict parser yields: JSON.stringify writes its numbers and strings already so. */
export function canonicalJson(value: Json): string {
  if (Array.isArray(value)) return `[${(value as readonly Json[]).map(canonicalJson).join(',')}]`;
  if (!isObject(value)) return JSON.stringify(value);
  const members = Object.keys(value)
    .toSorted((a, b) => (a < b ? -1 : 1))
    .map((key) => `${JSON.stringify(key)}:${canonicalJson(value[key] ?? null)}`);
  return `{${members.join(',')}}`;
}

interface Offered {
  readonly generation: Generation;
  readonly url: string;
  readonly tenant: string | undefined;
}

/** The JSON-RPC interfaces, most preferred first. */
function offered(card: JsonObject): readonly Offered[] {
  const found: Offered[] = [];
  const add = (binding: Json | undefined, version: Json | undefined, url: Json | undefined, tenant?: Json): void => {
    const generation = GENERATIONS.find((known) => typeof version === 'string' && isOf(version, known));
    if (binding !== 'JSONRPC' || generation === undefined || typeof url !== 'string') return;
    found.push({ generation, url, tenant: typeof tenant === 'string' && tenant !== '' ? tenant : undefined });
  };
  for (const one of objects(card['supportedInterfaces'])) {
    add(one['protocolBinding'], one['protocolVersion'], one['url'], one['tenant']);
  }
  // The shape of 0.3: one preferred interface, and others beside it.
  if (card['url'] !== undefined) {
    const version = card['protocolVersion'];
    add(card['preferredTransport'] ?? 'JSONRPC', version, card['url']);
    for (const one of objects(card['additionalInterfaces'])) add(one['transport'], version, one['url']);
  }
  return found;
}

/** `1.0` and `1.0.2` are of 1.0, `0.3.0` is of 0.3. */
function isOf(version: string, generation: Generation): boolean {
  return version === generation || version.startsWith(`${generation}.`);
}

function objects(value: Json | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? (value as readonly Json[]).filter(isObject) : [];
}

/** A card that leads to another host would take the credentials with it. */
function sameOrigin(url: string, cardUrl: URL): URL | undefined {
  if (!URL.canParse(url)) return undefined;
  const parsed = new URL(url);
  return parsed.origin === cardUrl.origin && parsed.username === '' && parsed.password === '' ? parsed : undefined;
}

/** Printable, so that nothing in them deceives who reads a record. */
const SKILL_ID = /^[\x21-\x7e]{1,256}$/;

function skillIds(card: JsonObject): readonly string[] | undefined {
  const { skills } = card;
  if (skills === undefined) return [];
  if (!Array.isArray(skills)) return undefined;
  const ids: string[] = [];
  for (const skill of skills as readonly Json[]) {
    const id = isObject(skill) ? skill['id'] : undefined;
    if (typeof id !== 'string' || !SKILL_ID.test(id) || ids.includes(id)) return undefined;
    ids.push(id);
  }
  return ids;
}
