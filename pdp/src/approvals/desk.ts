/** What people do about approvals: look, agree, refuse, take back, and make standing grants. */

import type { ApprovalEntry, ApprovalEvent } from '@portcullis/policy/evidence';
import type { JsonObject } from '@portcullis/policy/model';
import { PortcullisError } from '@portcullis/runtime';
import type { ApprovalBook } from './book.js';
import { microsOf } from './match-grant.js';
import type { PastDecisions } from './past-decisions.js';
import { answerable, isOwn, type Person, voiceOf } from './people.js';
import type { Approval, ApprovalFilter, ApprovalState, Counted, Grant, NewGrant } from './port.js';
import { type GrantPreview, previewGrant } from './preview.js';

/** A standing grant, as an approver asks for it. */
export interface GrantWish {
  /** An approval that was agreed to; the grant is for requests like it. */
  readonly approval: string;
  readonly count: number;
  readonly seconds: number;
  /** Arguments that may differ from the approved ones. */
  readonly vary: readonly string[];
  /** A numeric argument and what all uses together may add up to. */
  readonly budget: { readonly argument: string; readonly limit: number } | undefined;
  readonly comment: string;
}

/** The desk. Everything is of the person's own tenant; a stranger's approval does not exist for them. */
export interface ApprovalDesk {
  list(person: Person, filter: ApprovalFilter): Promise<readonly Approval[]>;
  show(person: Person, id: string): Promise<Approval>;
  vote(person: Person, id: string, says: 'approve' | 'deny', comment: string): Promise<Approval>;
  revoke(person: Person, id: string, comment: string): Promise<Approval>;
  grants(person: Person): Promise<readonly Grant[]>;
  showGrant(person: Person, id: string): Promise<Grant>;
  /**
   * What the grant would have covered in the last seven days, by the records of this PDP alone; nothing is made. For whoever
   * could make it, before or after they agree to the approval.
   */
  preview(person: Person, wish: GrantWish): Promise<GrantPreview>;
  grant(person: Person, wish: GrantWish): Promise<Grant>;
  revokeGrant(person: Person, id: string, comment: string): Promise<Grant>;
}

/** The desk over a book. @param past decision records; without them there is no preview */
export function createDesk(book: ApprovalBook, maxGrantSeconds: number, past?: PastDecisions): ApprovalDesk {
  const { store } = book;
  const found = async (person: Person, id: string): Promise<Approval> => {
    const approval = await store.find(person.tenant, id);
    if (approval === undefined) throw missing('there is no such approval');
    return approval;
  };
  const foundGrant = async (person: Person, id: string): Promise<Grant> => {
    const grant = await store.findGrant(person.tenant, id);
    if (grant === undefined) throw missing('there is no such grant');
    return grant;
  };
  /** Before it counts: what nobody could write down must not happen. */
  const record = async (event: ApprovalEvent, subject: Approval | Grant, person: Person, comment: string) => {
    const isGrant = 'target' in subject;
    const entry: ApprovalEntry = {
      kind: 'approval',
      event,
      approval_id: isGrant ? subject.approval : subject.id,
      ...(isGrant ? { grant_id: subject.id } : {}),
      binding: isGrant ? subject.target : subject.binding,
      tenant: subject.tenant,
      agent: subject.agent,
      by: person.id,
      ...(comment === '' ? {} : { comment }),
      bundle_digest: subject.bundle,
      release_seq: subject.releaseSeq,
      at: new Date(book.now()).toISOString(),
    };
    try {
      await book.record(entry);
    } catch (cause) {
      throw new PortcullisError('ERR_APPROVAL_RECORD', 'unavailable', 'what you said could not be recorded', { cause });
    }
  };

  return {
    list: (person, filter) => store.list(person.tenant, filter),
    show: found,
    vote: async (person, id, says, comment) => {
      const approval = await found(person, id);
      const needs = mayAnswer(person, approval);
      if (approval.state !== 'pending') throw closed(approval);
      await record(says, approval, person, comment);
      const holds = needs.map(({ hold }) => hold);
      const counted = settled(await store.vote(person.tenant, id, { person: voiceOf(person), says, holds, comment }));
      if (counted.state !== 'pending') book.tell({ event: 'decided', approval: counted, by: person.id });
      return counted;
    },
    revoke: async (person, id, comment) => {
      const approval = await found(person, id);
      if (answerable(person, approval.needs).length === 0) throw forbidden('you are not among those who are asked');
      await record('revoke', approval, person, comment);
      const counted = settled(await store.revoke(person.tenant, id, `revoked by ${person.id}`));
      book.tell({ event: 'decided', approval: counted, by: person.id });
      return counted;
    },
    grants: (person) => store.grants(person.tenant),
    showGrant: foundGrant,
    preview: async (person, wish) => {
      const approval = await found(person, wish.approval);
      mayGrant(person, approval);
      if (!PREVIEWED.includes(approval.state)) throw closed(approval);
      const grant = draft('', approval, person, wish, maxGrantSeconds);
      if (past === undefined) {
        throw new PortcullisError(
          'ERR_APPROVAL_PREVIEW',
          'unavailable',
          'decisions are not recorded here: audit.mode is off',
        );
      }
      return previewGrant(past, grant, approval, book.now());
    },
    grant: async (person, wish) => {
      const approval = await found(person, wish.approval);
      mayGrant(person, approval);
      if (approval.state !== 'approved' && approval.state !== 'consumed') throw closed(approval);
      const grant = draft(book.newId(), approval, person, wish, maxGrantSeconds);
      await record('grant', { ...grant, ...NEW }, person, wish.comment);
      if (!(await store.keepGrant(grant))) {
        throw new PortcullisError(
          'ERR_APPROVAL_CLOSED',
          'conflict',
          'there are as many standing grants as there may be',
        );
      }
      book.tell({ event: 'granted', approval, by: person.id });
      return foundGrant(person, grant.id);
    },
    revokeGrant: async (person, id, comment) => {
      const grant = await foundGrant(person, id);
      if (answerable(person, grant.needs).length === 0) throw forbidden('you are not among those who are asked');
      await record('revoke_grant', grant, person, comment);
      if (!(await store.revokeGrant(person.tenant, id))) {
        throw new PortcullisError('ERR_APPROVAL_CLOSED', 'conflict', 'the grant is used up, revoked or expired');
      }
      return foundGrant(person, id);
    },
  };
}

const NEW = { createdAt: 0, expiresAt: 0, used: 0, spentMicros: 0, state: 'active' } as const;

/** What may become a grant, or may after somebody agrees. */
const PREVIEWED: readonly ApprovalState[] = ['pending', 'approved', 'consumed'];

/** One person may turn into a rule only what one person may decide alone, for every rule that asks. */
function mayGrant(person: Person, approval: Approval): void {
  const needs = mayAnswer(person, approval);
  if (needs.length < approval.needs.length || approval.needs.some(({ quorum }) => quorum > 1)) {
    throw forbidden('a standing grant takes somebody who may agree to all of it alone');
  }
}

function draft(id: string, approval: Approval, person: Person, wish: GrantWish, maxSeconds: number): NewGrant {
  const { tenant, agent, needs, bundle, releaseSeq, definition, about } = approval;
  const target = about['target'];
  const known = about['argument_digests'];
  if (typeof target !== 'string' || typeof known !== 'object' || known === null || Array.isArray(known)) {
    throw invalid('the approval cannot be turned into a grant', '');
  }
  const digests = known as JsonObject;
  if (wish.seconds > maxSeconds) throw invalid(`expected at most ${maxSeconds}`, 'expires_seconds');
  const stray = wish.vary.find((name) => !Object.hasOwn(digests, name));
  if (stray !== undefined) throw invalid(`the approved request has no argument ${stray}`, 'vary');
  const fixed = Object.entries(digests).filter(([name]) => !wish.vary.includes(name)) as [string, string][];
  const micros = wish.budget === undefined ? undefined : microsOf(wish.budget.limit);
  if (wish.budget !== undefined && (micros === undefined || !Object.hasOwn(digests, wish.budget.argument))) {
    throw invalid('expected an argument of the approved request and an amount', 'budget');
  }
  const budget =
    wish.budget === undefined || micros === undefined ? {} : { budget: { argument: wish.budget.argument, micros } };
  return {
    id,
    tenant,
    agent,
    needs,
    bundle,
    releaseSeq,
    definition,
    about,
    target,
    count: wish.count,
    vary: wish.vary,
    arguments: Object.fromEntries(fixed),
    ...budget,
    createdBy: person.id,
    approval: approval.id,
    lifetimeMs: wish.seconds * 1_000,
  };
}

function mayAnswer(person: Person, approval: Approval) {
  if (isOwn(person, approval)) throw forbidden('nobody approves their own request');
  const needs = answerable(person, approval.needs);
  if (needs.length === 0) throw forbidden('you are not among those who are asked');
  return needs;
}

function settled(counted: Counted): Approval {
  if (counted.outcome === 'missing') throw missing('there is no such approval');
  if (counted.outcome === 'closed') throw closed(counted.approval);
  if (counted.outcome === 'repeated') {
    throw new PortcullisError('ERR_APPROVAL_CLOSED', 'conflict', 'you have answered this already');
  }
  return counted.approval;
}

function closed({ state }: Approval): PortcullisError {
  return new PortcullisError('ERR_APPROVAL_CLOSED', 'conflict', `the approval is ${state}`);
}

function missing(message: string): PortcullisError {
  return new PortcullisError('ERR_APPROVAL_UNKNOWN', 'invalid', message);
}

function forbidden(message: string): PortcullisError {
  return new PortcullisError('ERR_APPROVAL_FORBIDDEN', 'invalid', message);
}

function invalid(message: string, path: string): PortcullisError {
  const problems = [{ code: 'ERR_HTTP_INVALID', message, path }];
  return new PortcullisError('ERR_HTTP_INVALID', 'invalid', path === '' ? message : `${path}: ${message}`, {
    details: { problems },
  });
}
