/** Approvals and grants as the HTTPS surface shows them. */

import type { Json, JsonObject } from '@portcullis/policy/model';
import type { Approval, Grant, Need } from './port.js';

const instant = (ms: number): string => new Date(ms).toISOString();
const needOf = ({ hold, type, who, quorum }: Need): JsonObject => ({
  hold,
  type,
  ...(type === 'require_approval' ? { role: who } : { group: who }),
  quorum,
});

/** For approvers. `about` as {@link Showing.reveal} gives it. */
export function approvalDocument(approval: Approval, about: JsonObject): JsonObject {
  const { id, state, tenant, agent, binding, needs, votes, why } = approval;
  const { target: _target, argument_digests: _digests, ...request } = about;
  return {
    id,
    state,
    tenant,
    agent,
    request,
    binding,
    bundle_digest: approval.bundle,
    release_seq: approval.releaseSeq,
    ...(approval.definition === '' ? {} : { definition_digest: approval.definition }),
    needs: needs.map(needOf),
    votes: votes.map(({ person, says, holds, comment, at }) => ({
      person,
      says,
      holds: [...holds],
      comment,
      at: instant(at),
    })),
    ...(why === '' ? {} : { why }),
    created_at: instant(approval.createdAt),
    expires_at: instant(approval.expiresAt),
  };
}

/** For the agent that waits for it: no more than whether to ask again. */
export function approvalStatus({ id, state, needs, expiresAt }: Approval): JsonObject {
  return { id, state, needs: needs.map(needOf), expires_at: instant(expiresAt) };
}

/** For approvers. */
export function grantDocument(grant: Grant): JsonObject {
  const { server, tool, operation, user }: { readonly [name: string]: Json } = grant.about;
  const names = Object.entries({ server, tool, operation, user }).filter(([, value]) => value !== undefined);
  return {
    id: grant.id,
    state: grant.state,
    tenant: grant.tenant,
    agent: grant.agent,
    target: { ...(Object.fromEntries(names) as JsonObject), digest: grant.target },
    needs: grant.needs.map(needOf),
    arguments: grant.arguments,
    vary: [...grant.vary],
    count: grant.count,
    used: grant.used,
    ...(grant.budget === undefined
      ? {}
      : {
          budget: { argument: grant.budget.argument, limit: grant.budget.micros / 1e6, spent: grant.spentMicros / 1e6 },
        }),
    ...(grant.definition === '' ? {} : { definition_digest: grant.definition }),
    created_by: grant.createdBy,
    approval: grant.approval,
    created_at: instant(grant.createdAt),
    expires_at: instant(grant.expiresAt),
  };
}
