/**
 * Sixth stage: what people say about a verdict that holds (contracts §7, ADR-0016). What they agreed to is used up before
 * anything else happens, and the request is then evaluated again: an approval is an input, never a way around.
 */

import type { ApprovalEvent, HeldSubject } from '@portcullis/policy/evidence';
import type { JsonObject, Verdict } from '@portcullis/policy/model';
import type { Clock } from '@portcullis/runtime';
import { argumentDigests, bindingOf, targetOf, textDigest } from '../approvals/binding.js';
import type { ApprovalBook, HoldObserver, HoldOutcome } from '../approvals/book.js';
import { drawOn } from '../approvals/match-grant.js';
import { type Asked, askedBy, withApproval } from '../approvals/needs.js';
import type { Approval, Drawing, Grant, Need, Presentation } from '../approvals/port.js';
import { unitedNeeds } from '../approvals/states.js';
import { reservationKey } from '../quota/key.js';
import { adjudicateApproved } from './adjudicate.js';
import { byDeadline } from './by-deadline.js';
import {
  type Adjudicated,
  type Attempt,
  type Consented,
  denied,
  mintConsented,
  next,
  type StageResult,
} from './chain.js';
import { onlyAsks } from './model-gateway.js';

/** What the stage needs. */
export interface ApproveParts {
  readonly approvals: ApprovalBook;
  readonly clock: Clock;
  readonly observer: HoldObserver;
}

/** A verdict that holds, and what people agreed to for this attempt before it came about. */
export interface Held {
  readonly adjudicated: Adjudicated;
  readonly verdict: Verdict;
  readonly granted: readonly Need[];
  /** The approval that it used up; empty when there is none. */
  readonly used: string;
}

/** The next link at once, for a verdict that asks nobody; otherwise `undefined`. */
export function unheld(adjudicated: Adjudicated): Consented | undefined {
  const { verdict } = adjudicated;
  return verdict.effect === 'hold' ? undefined : mintConsented({ adjudicated, verdict, granted: [], used: '' });
}

/** Before its deadline a late answer must still be written down and sent. */
const ANSWERED_MARGIN_MS = 5;

/**
 * Resolves by the attempt's deadline. Whatever cannot be known, recorded or done in time denies.
 * @param onAsked told what the question is bound to, before anybody is asked
 */
export async function approve(
  parts: ApproveParts,
  held: Held,
  attempt: Attempt,
  onAsked: (subject: HeldSubject) => void = () => undefined,
): Promise<StageResult<Consented>> {
  const startedAt = parts.clock.monotonic();
  const { adjudicated, verdict } = held;
  // Nobody is asked to agree to what is not going to be done, and no agreement is used up by it.
  if (onlyAsks(adjudicated.assessed.request))
    return next(mintConsented({ adjudicated, verdict, granted: [], used: '' }));
  const asked = askedBy(verdict);
  let outcome: HoldOutcome = 'unknown';
  const work = async (): Promise<StageResult<Consented>> => {
    if (asked === undefined) return unavailable('the policy does not say whom to ask');
    const session = sessionOf(parts, held, attempt, asked);
    onAsked(session.subject);
    const use = await drawnGrant(session);
    if (use !== undefined) {
      outcome = use.drawing === 'drawn' ? 'granted' : 'answered';
      return use.drawing === 'drawn' ? granted(session, use.grant) : answered(session, use.grant.id);
    }
    const presentation = await parts.approvals.store.present(session.presented);
    outcome = outcomeOf(presentation);
    return presented(session, presentation);
  };
  try {
    const result = await byDeadline(work(), attempt.deadline - startedAt);
    return result ?? denied('PDP_TIMEOUT', 'the deadline passed before it was known what people say');
  } catch {
    outcome = 'unknown';
    return unavailable('what people say cannot be found out, or not be recorded');
  } finally {
    parts.observer.held(outcome, (parts.clock.monotonic() - startedAt) / 1000);
  }
}

const MAX_GRANTED_ARGUMENTS = 64;

type Session = ReturnType<typeof sessionOf>;

function sessionOf(parts: ApproveParts, held: Held, attempt: Attempt, asked: Asked) {
  const { assessed } = held.adjudicated;
  const { contextual, request } = assessed;
  const { normalized, snapshot } = contextual;
  // What this attempt has used up already is asked for anew, together with what came up since.
  const needs = unitedNeeds(held.granted, asked.needs);
  const args = Object.entries(request.tool?.arguments ?? {});
  // What a standing grant is made of; one over more arguments than anybody reads is not worth the room.
  const digests =
    args.length > MAX_GRANTED_ARGUMENTS ? {} : { argument_digests: argumentDigests(request.tool?.arguments) };
  const target = targetOf(normalized.request, request);
  const presented = {
    id: parts.approvals.newId(),
    binding: bindingOf(normalized.request, request),
    attempt: reservationKey({ caller: attempt.caller, request, digest: normalized.digest }),
    after: held.used,
    tenant: request.tenant_id,
    agent: request.agent.id,
    needs,
    bundle: snapshot.bundleDigest,
    basis: basisOf(held.adjudicated),
    releaseSeq: snapshot.releaseSeq,
    definition: request.tool?.definition_digest ?? '',
    lifetimeMs: asked.lifetimeMs,
    about: { ...parts.approvals.describe(request), target, ...digests },
  };
  const subject: HeldSubject = { binding: presented.binding, target, definition: presented.definition, needs };
  const record = (event: ApprovalEvent, more: Readonly<Record<string, unknown>> = {}): Promise<void> =>
    parts.approvals.record({
      kind: 'approval',
      event,
      approval_id: presented.id,
      binding: presented.binding,
      tenant: presented.tenant,
      agent: presented.agent,
      bundle_digest: presented.bundle,
      release_seq: presented.releaseSeq,
      request_digest: normalized.digest,
      at: new Date(parts.approvals.now()).toISOString(),
      ...more,
    });
  return { parts, held, attempt, presented, subject, assessed, record };
}

/** What the hold rests on, as a digest; empty when nobody can say. */
function basisOf({ assessed }: Adjudicated): string {
  const text = assessed.contextual.snapshot.engine.basisOf(assessed.request);
  return text === undefined ? '' : textDigest(text);
}

interface GrantUse {
  readonly grant: Grant;
  readonly drawing: Exclude<Drawing, 'nothing'>;
}

/** The first grant that matches and has something left. */
async function drawnGrant({ parts, presented, subject, assessed }: Session): Promise<GrantUse | undefined> {
  const { store } = parts.approvals;
  const { request } = assessed;
  const question = { ...presented, arguments: request.tool?.arguments };
  // What came up once it had used something up is another use of the same attempt.
  const attempt = presented.after === '' ? presented.attempt : `${presented.attempt}/${presented.after}`;
  for (const grant of await store.grantsFor(subject.target)) {
    const micros = drawOn(grant, question);
    if (micros === undefined) continue;
    const drawing = await store.draw(grant.tenant, grant.id, micros, attempt);
    if (drawing !== 'nothing') return { grant, drawing };
  }
  return undefined;
}

async function granted(session: Session, grant: Grant): Promise<StageResult<Consented>> {
  const { id, approval, createdBy } = grant;
  await session.record('grant_used', { approval_id: approval, grant_id: id, approvers: [createdBy] });
  return again(session, { id: approval, grant: id, by: [createdBy] }, grant.needs);
}

async function presented(session: Session, presentation: Presentation): Promise<StageResult<Consented>> {
  const { parts, held, record } = session;
  switch (presentation.outcome) {
    case 'pending': {
      const { approval, isNew, voided } = presentation;
      if (voided !== undefined) await record('void', { approval_id: voided.id, comment: voided.reason });
      if (isNew) {
        await record('requested', { approval_id: approval.id });
        parts.approvals.tell({ event: 'requested', approval });
      }
      const verdict = withApproval(held.verdict, approval);
      return next(
        mintConsented({ adjudicated: held.adjudicated, granted: [], used: '', verdict: explained(verdict, voided) }),
      );
    }
    case 'consumed': {
      const { approval } = presentation;
      const by = agreeing(approval);
      await record('consumed', { approval_id: approval.id, approvers: by });
      parts.approvals.tell({ event: 'consumed', approval });
      return again(session, { id: approval.id, by }, approval.needs);
    }
    case 'refused':
      return denied('APPROVAL_REFUSED', `refused by a person (approval ${presentation.approval.id})`);
    case 'answered':
      return answered(session, presentation.id);
    case 'unknown':
      return unavailable(UNKNOWN[presentation.cause]);
  }
}

/**
 * Evaluates again. What is denied now stays denied. What holds now for another reason is asked about together with what
 * people had agreed to: both have to be agreed to at once, because the one approval is used up.
 */
async function again(
  session: Session,
  approval: JsonObject & { readonly id: string },
  needs: readonly Need[],
): Promise<StageResult<Consented>> {
  const { parts, attempt, assessed } = session;
  const adjudicated = adjudicateApproved(assessed, { ...approval, granted: needs.map(({ hold }) => hold) });
  const { verdict } = adjudicated;
  const used = approval.id;
  if (verdict.effect === 'allow') return next(mintConsented({ adjudicated, verdict, granted: needs, used }));
  const message = `people had agreed (approval ${used}), that is used up, and the policies still do not allow it`;
  const deny = [{ code: 'APPROVAL_REFUSED', message, path: '' } as const, ...verdict.deny];
  const asked = askedBy(verdict);
  if (verdict.effect === 'deny' || asked === undefined) {
    const final = { ...verdict, effect: 'deny', deny, conditions: [] } as const;
    return next(mintConsented({ adjudicated, granted: needs, used, verdict: final }));
  }
  const renewed = sessionOf(
    parts,
    { adjudicated, verdict: { ...verdict, deny }, granted: needs, used },
    attempt,
    asked,
  );
  return presented(renewed, await parts.approvals.store.present(renewed.presented));
}

/**
 * The same attempt again, as a hedge asks it of another PDP. Whoever used the approval up, or drew on the grant, answers it;
 * a refusal that came first would hide that answer. So this one is late, and is never an allow.
 */
async function answered({ parts, attempt }: Session, id: string): Promise<StageResult<Consented>> {
  const left = attempt.deadline - parts.clock.monotonic() - ANSWERED_MARGIN_MS;
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, left)));
  return denied('APPROVAL_REFUSED', `this attempt has used up what people agreed to (${id}) already`);
}

function explained(verdict: Verdict, voided: { readonly id: string; readonly reason: string } | undefined): Verdict {
  if (voided === undefined) return verdict;
  const why = VOID[voided.reason] ?? voided.reason;
  const [first, ...rest] = verdict.deny;
  if (first === undefined) return verdict;
  return {
    ...verdict,
    deny: [{ ...first, message: `${first.message}; approval ${voided.id} is void: ${why}` }, ...rest],
  };
}

const VOID: Readonly<Record<string, string>> = {
  release: 'another release is in force',
  definition: "the tool's definition is another",
  terms: 'the policies ask for something else now',
  store: 'the store was restarted since people agreed',
};
const UNKNOWN = {
  full: 'too many approvals are open',
  behind: 'another decision point knows a newer release',
} as const;

function unavailable(message: string): StageResult<Consented> {
  return denied('APPROVAL_UNAVAILABLE', message);
}

function agreeing({ votes }: Approval): string[] {
  return votes.filter(({ says }) => says === 'approve').map(({ person }) => person);
}

function outcomeOf(presentation: Presentation): HoldOutcome {
  if (presentation.outcome === 'pending') return presentation.isNew ? 'asked' : 'attached';
  return presentation.outcome;
}
