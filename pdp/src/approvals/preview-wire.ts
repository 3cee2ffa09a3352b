/** A preview as the HTTPS surface shows it. */

import type { JsonObject } from '@portcullis/policy/model';
import type { PastEnd } from './past-decisions.js';
import { type EndedAttempts, type GrantPreview, isComplete, type PastExample, type UncheckedTerm } from './preview.js';

const instant = (ms: number): string => new Date(ms).toISOString();

const WHY: Readonly<Record<PastEnd, string>> = {
  reached: 'the records go back as far as was asked for',
  beginning: 'the chain of this decision point begins there',
  removed: 'earlier records were removed from this decision point',
  time: 'looking further back would have taken too long',
  unreadable: 'a record before that cannot be read; verify the chain',
};
const UNCHECKED: Readonly<Record<UncheckedTerm, string>> = {
  arguments: 'records hold one digest of all arguments: whether only those differ that may vary is not known',
  budget: 'records hold no amounts: what these attempts add up to is not known',
  unbound: 'older records do not say what a hold was bound to: of these only agent, tool and operation were compared',
};

/** For approvers. */
export function previewDocument(preview: GrantPreview): JsonObject {
  const { draft, reach, covered } = preview;
  const sure = covered.held + covered.denied + covered.allowed;
  return {
    approval: draft.approval,
    agent: draft.agent,
    target: draft.target,
    since: instant(preview.since),
    until: instant(preview.until),
    records: {
      ...(reach.from === undefined ? {} : { from: reach.from }),
      complete: isComplete(reach.end),
      why: WHY[reach.end],
      looked_at: reach.records,
    },
    checked: ['tenant', 'agent', 'target', 'definition', 'needs', ...(draft.vary.length === 0 ? ['arguments'] : [])],
    unchecked: preview.unchecked.map((term) => ({ term, why: UNCHECKED[term] })),
    covered: countsOf(covered),
    beyond_count: Math.max(0, sure - draft.count),
    possible: countsOf(preview.possible),
    days: preview.days.map(({ day, covered: sureOnes, possible }) => ({
      day,
      covered: countsOf(sureOnes),
      possible: countsOf(possible),
    })),
    examples: preview.examples.map(exampleOf),
  };
}

function countsOf({ held, denied, allowed }: EndedAttempts): JsonObject {
  return { held, denied, allowed };
}

function exampleOf({ decisionId, at, ended, isCertain, deny, releaseSeq }: PastExample): JsonObject {
  return { decision_id: decisionId, at, ended, certain: isCertain, deny: [...deny], release_seq: releaseSeq };
}
