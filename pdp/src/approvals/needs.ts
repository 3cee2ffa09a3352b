/** What a held verdict asks of people, and what its answer says besides. */

import type { Condition, JsonObject, Verdict } from '@portcullis/policy/model';
import type { Approval, Need } from './port.js';
import { unitedNeeds } from './states.js';

/** What a hold asks for. */
export interface Asked {
  /** Sorted by hold. */
  readonly needs: readonly Need[];
  /** The shortest time that one of its rules gives people, in milliseconds. */
  readonly lifetimeMs: number;
}

/** Seconds between two looks at whether people have answered. */
const POLL_SECONDS = 5;

/** `undefined` when the verdict does not say whom to ask: then nobody can agree to it. */
export function askedBy({ conditions }: Pick<Verdict, 'conditions'>): Asked | undefined {
  const needs: Need[] = [];
  let lifetimeMs = Number.POSITIVE_INFINITY;
  for (const condition of conditions) {
    if (!isHold(condition)) continue;
    const terms = termsOf(condition);
    if (terms === undefined) return undefined;
    needs.push(terms.need);
    lifetimeMs = Math.min(lifetimeMs, terms.seconds * 1_000);
  }
  return needs.length === 0 ? undefined : { needs: unitedNeeds([], needs), lifetimeMs };
}

/** The verdict with where to go on: the approval's id, its state, when it ends, and how to ask for it again. */
export function withApproval(verdict: Verdict, approval: Approval): Verdict {
  const where = {
    approval_id: approval.id,
    state: approval.state,
    expires_at: new Date(approval.expiresAt).toISOString(),
    poll: `/v1/approvals/${approval.id}`,
    poll_seconds: POLL_SECONDS,
  };
  const conditions = verdict.conditions.map((condition) =>
    isHold(condition) ? { ...condition, value: { ...(condition.value as JsonObject), ...where } } : condition,
  );
  return { ...verdict, conditions };
}

function isHold({ type }: Condition): boolean {
  return type === 'require_approval' || type === 'require_hitl';
}

function termsOf({ type, value }: Condition): { readonly need: Need; readonly seconds: number } | undefined {
  if (type !== 'require_approval' && type !== 'require_hitl') return undefined;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const { hold, role, group, quorum, expires_seconds: seconds } = value as JsonObject;
  const who = type === 'require_approval' ? role : group;
  if (typeof hold !== 'string' || typeof who !== 'string' || typeof seconds !== 'number' || !(seconds > 0)) {
    return undefined;
  }
  if (typeof quorum !== 'number' || !Number.isSafeInteger(quorum) || quorum < 1) return undefined;
  return { need: { hold, type, who, quorum }, seconds };
}
