/** A card as the local agent gets it: the same agent, reached through the sidecar only, with the skills that it may use. */

import type { Json, JsonObject } from '@portcullis/policy/model';
import { isObject } from '../mcp/message.js';
import type { AgentCard } from './card.js';
import { GENERATIONS, type Generation } from './methods.js';

/** Members that say something and lead nowhere. A list of what may pass, because what may not cannot be listed. */
const KEPT = [
  'name',
  'description',
  'version',
  'provider',
  'documentationUrl',
  'iconUrl',
  'capabilities',
  'defaultInputModes',
  'defaultOutputModes',
  'supportsAuthenticatedExtendedCard',
] as const;
/** What the sidecar speaks with the local agent, most preferred first. */
const BINDINGS: readonly { readonly protocolBinding: string; readonly speaks: readonly Generation[] }[] = [
  { protocolBinding: 'JSONRPC', speaks: GENERATIONS },
  { protocolBinding: 'HTTP+JSON', speaks: ['1.0'] },
];
/** How to authenticate is between the sidecar and the other agent. */
const SKILL_SECURITY: ReadonlySet<string> = new Set(['security', 'securityRequirements']);

/**
 * The view. Without signatures: they are over another text.
 * @param from the card whose words it takes; the interfaces are those of `card`
 * @param address where the sidecar is reached for this agent
 */
export function cardView(
  from: JsonObject,
  card: Pick<AgentCard, 'endpoints'>,
  address: string,
  visible: ReadonlySet<string>,
): JsonObject {
  const kept = KEPT.filter((name) => Object.hasOwn(from, name)).map((name): [string, Json] => [
    name,
    from[name] ?? null,
  ]);
  const skills = Array.isArray(from['skills']) ? (from['skills'] as readonly Json[]) : [];
  const legacy = card.endpoints.has('0.3');
  return {
    ...Object.fromEntries(kept),
    supportedInterfaces: BINDINGS.flatMap(({ protocolBinding, speaks }) =>
      [...card.endpoints]
        .filter(([protocolVersion]) => speaks.includes(protocolVersion))
        .map(([protocolVersion, { tenant }]) => ({
          url: address,
          protocolBinding,
          protocolVersion,
          ...(tenant === undefined ? {} : { tenant }),
        })),
    ),
    ...(legacy ? { url: address, preferredTransport: 'JSONRPC', protocolVersion: '0.3.0' } : {}),
    skills: skills.filter(isObject).flatMap((skill) => {
      const { id } = skill;
      if (typeof id !== 'string' || !visible.has(id)) return [];
      return [Object.fromEntries(Object.entries(skill).filter(([name]) => !SKILL_SECURITY.has(name)))];
    }),
  };
}
