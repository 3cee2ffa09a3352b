/** What every question of this sidecar has in common: who attempts, when, in which session. */

import type { AttemptKind, CanonicalRequest, Environment, JsonObject, Source } from '@portcullis/policy/model';
import type { Clock } from '@portcullis/runtime';
import type { Behalf } from '../behalf/behalf.js';
import { ofUser } from '../behalf/user-token.js';
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
  /** For whom it is attempted, and for what; {@link BehalfReader} says. */
  readonly behalf: Behalf;
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
  // In the order of the canonical text that its digest is made of: what is not has to be sorted for every question.
  const made = (subject: AttemptSubject): CanonicalRequest => {
    const { kind, behalf, ownSession, delegation, egress, peer, request, tool } = subject;
    const { task, declaredScope } = behalf;
    const attributes =
      declaredScope === undefined ? subject.attributes : { ...subject.attributes, declared_scope: declaredScope };
    return {
      agent: { id: identity.agent },
      context: {
        ...(attributes === undefined ? {} : { attributes }),
        ...(delegation === undefined ? {} : { delegation }),
        ...(environment === undefined ? {} : { environment }),
        request_id: newId(),
        session_id: session.scope === 'mcp' ? (ownSession ?? session.id) : session.id,
        ...(task === undefined ? {} : { task }),
        timestamp: new Date(clock.now()).toISOString(),
      },
      ...(egress === undefined ? {} : { egress }),
      kind,
      ...(peer === undefined ? {} : { peer }),
      ...(request === undefined ? {} : { request }),
      source,
      tenant_id: identity.tenant,
      ...(tool === undefined ? {} : { tool }),
      version: '1.0',
    };
  };
  return (subject) => {
    const { userToken } = subject.behalf;
    return userToken === undefined ? made(subject) : ofUser(made(subject), userToken);
  };
}
