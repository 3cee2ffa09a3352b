/** What every question of this sidecar has in common: who attempts, when, in which session. */

import type { AttemptKind, CanonicalRequest, Environment, JsonObject, Source } from '@portcullis/policy/model';
import type { Clock } from '@portcullis/runtime';
import type { AgentIdentity } from '../identity.js';

/**
 * Which session of the agent an attempt belongs to. `sidecar`: all that passes through this sidecar, whatever the server,
 * because what one server told decides what may be said to another. `mcp`: as MCP's own session with one server says,
 * where it says one; the agent chooses those, and what it learns in one does not count in another.
 */
export const SESSION_SCOPES = ['sidecar', 'mcp'] as const;

/** The session of this sidecar, and whether MCP's sessions count as others. */
export interface AgentSession {
  readonly id: string;
  readonly scope: (typeof SESSION_SCOPES)[number];
}

/** What an attempt is about; the members of the canonical request that are a surface's own. */
export type AttemptSubject = Pick<CanonicalRequest, 'tool' | 'request' | 'egress' | 'peer'> & {
  readonly kind: AttemptKind;
  /** Who handed the work on, where the surface knows (context.delegation). */
  readonly delegation?: JsonObject;
  /** What the surface's own protocol calls a session, where it does. */
  readonly ownSession?: string | undefined;
  /** What else the surface saw, as `context.attributes`. */
  readonly attributes?: JsonObject | undefined;
};

/** Makes the canonical request of an attempt. */
export type RequestMaker = (subject: AttemptSubject) => CanonicalRequest;

/** Who attempts, and where. */
export interface RequestMakerOptions {
  readonly identity: AgentIdentity;
  readonly session: AgentSession;
  readonly environment: Environment | undefined;
  readonly clock: Pick<Clock, 'now'>;
  readonly newId: () => string;
}

/** A maker for the attempts of one surface. */
export function createRequestMaker(source: Source, options: RequestMakerOptions): RequestMaker {
  const { identity, session, environment, clock, newId } = options;
  return ({ kind, ownSession, delegation, attributes, ...subject }) => ({
    version: '1.0',
    tenant_id: identity.tenant,
    source,
    kind,
    agent: { id: identity.agent },
    ...subject,
    context: {
      timestamp: new Date(clock.now()).toISOString(),
      request_id: newId(),
      ...(environment === undefined ? {} : { environment }),
      session_id: session.scope === 'mcp' ? (ownSession ?? session.id) : session.id,
      ...(attributes === undefined ? {} : { attributes }),
      ...(delegation === undefined ? {} : { delegation }),
    },
  });
}
