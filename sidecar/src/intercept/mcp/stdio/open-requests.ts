/**
 * The requests of the agent that the server has: until each is answered, cut off, given up or the server ends. Who is told
 * of the end, and that nobody gets the answer to somebody else's request, is decided here and nowhere else.
 */

import type { CanonicalRequest } from '@portcullis/policy/model';
import { LOG_FIELD, type Logger } from '@portcullis/runtime';
import type { Account } from '../../../enforce/account.js';
import type { Permit } from '../../../enforce/permit.js';
import type { Refuser } from '../../../enforce/refuse.js';
import type { RelayOutcome } from '../../exchange-outcome.js';
import { upstreamError } from '../inspect.js';
import { idKey, type RpcId } from '../message.js';
import type { Era } from '../methods.js';
import type { Session } from '../sessions.js';
import { refusalError } from '../to-response.js';
import type { ToAgent } from './to-agent.js';

/** A request that goes to the server. */
export interface Opening {
  readonly id: RpcId;
  readonly era: Era;
  readonly permit: Permit;
  readonly account: Account;
  /** It is over: nobody need cut it off. */
  readonly over: () => void;
  /** What is left of its answer, where that is a list of tools. */
  readonly shown?: (bytes: Buffer) => Promise<Buffer>;
}

/** A request that the server has. */
export interface OpenRequest extends Opening {
  /** Cut off: told, and settled. It stays until it is answered, so that nobody else gets its answer. */
  readonly isCut: boolean;
}

/** All of them. */
export interface OpenRequests {
  /** Whether no answer to an earlier request may come under this id, and there is room to remember one more. */
  isFree(id: RpcId): boolean;
  /** Notes one that is about to be forwarded. */
  add(opening: Opening): void;
  /** The one that has this id. */
  get(id: RpcId): OpenRequest | undefined;
  /** An answer came to none that is open: whatever waited for it under this id, nobody does any more. */
  unasked(id: RpcId): void;
  /** Those of this moment. */
  all(): readonly OpenRequest[];
  /** Whether its answer comes too late: answered before, or cut off. */
  isOver(request: OpenRequest): boolean;
  /** Its answer is about to be delivered. */
  answered(request: OpenRequest): void;
  /** An answer to what is over: answered before, or cut off, which ends with it. */
  late(request: OpenRequest): void;
  /** An answer may come, and is for nobody else; but a server that was told that nobody waits gives none. */
  needNoAnswer(id: RpcId): void;
  /** Stopped while the server is at it: the agent is told, and does not get what the server answers. */
  cutOff(id: RpcId, permit: Permit, request: CanonicalRequest): Promise<void>;
  /**
   * It will have no answer: the agent is told what is wrong with the server.
   * @param of only this one; another may have its id by now
   */
  fail(id: RpcId, what: string, thrown?: unknown, of?: OpenRequest): Promise<void>;
  /** None of those that are open now will have an answer. */
  failAll(what: string): Promise<void>;
}

/** What they need. */
export interface OpenRequestsOptions {
  readonly session: Pick<Session, 'end'>;
  readonly refuser: Pick<Refuser, 'refuse'>;
  readonly toAgent: Pick<ToAgent, 'say'>;
  /** Told how each ended, once. */
  readonly settle: (account: Account, outcome: RelayOutcome) => void;
  readonly log: Logger;
}

/** Requests that need no answer any more, cancelled or cut off, for which one is waited; beyond, the oldest leaves room. */
export const MAX_UNWANTED = 256;
/** Ids of those that left room and have no answer yet; beyond, no request is taken. */
export const MAX_GIVEN_UP = 16_384;

/** None is open yet. */
export function createOpenRequests({ session, refuser, toAgent, settle, log }: OpenRequestsOptions): OpenRequests {
  const open = new Map<string, Opening & { isCut: boolean }>();
  /** Of those, the ones that a server need not answer any more. */
  const unwanted = new Set<string>();
  /** Ids under which a late answer may come: the next request under one of them would get it. */
  const givenUp = new Set<string>();

  /** Nothing where the agent was told already. */
  function close(key: string, outcome: RelayOutcome): OpenRequest | undefined {
    const request = open.get(key);
    if (request === undefined) return undefined;
    open.delete(key);
    unwanted.delete(key);
    session.end(request.id, false);
    if (request.isCut) return undefined;
    request.over();
    settle(request.account, outcome);
    return request;
  }

  function needNoAnswer(key: string): void {
    if (!open.has(key)) return;
    unwanted.add(key);
    const [oldest] = unwanted;
    if (unwanted.size <= MAX_UNWANTED || oldest === undefined) return;
    close(oldest, 'upstream_failed');
    givenUp.add(oldest);
  }

  async function fail(key: string, what: string, thrown?: unknown, of: OpenRequest | undefined = open.get(key)) {
    const request = open.get(key) === of ? close(key, 'upstream_failed') : undefined;
    if (thrown !== undefined) log.warn({ [LOG_FIELD.error]: thrown }, 'Message could not be forwarded');
    if (request !== undefined) await toAgent.say(upstreamError(request.id, what));
  }

  return {
    isFree: (id) => !givenUp.has(idKey(id)) && givenUp.size < MAX_GIVEN_UP,
    unasked: (id) => void givenUp.delete(idKey(id)),
    add(opening) {
      open.set(idKey(opening.id), { ...opening, isCut: false });
    },
    get: (id) => open.get(idKey(id)),
    all: () => [...open.values()],
    isOver: (request) => open.get(idKey(request.id)) !== request || request.isCut,
    answered(request) {
      close(idKey(request.id), 'forwarded');
    },
    late(request) {
      if (open.get(idKey(request.id)) === request) close(idKey(request.id), 'upstream_failed');
      log.warn({ [LOG_FIELD.reason]: 'its request is over' }, 'Server message was not delivered');
    },
    needNoAnswer: (id) => needNoAnswer(idKey(id)),
    async cutOff(id, permit, request) {
      const key = idKey(id);
      const stopped = open.get(key);
      if (stopped?.permit !== permit || stopped.isCut) return;
      stopped.isCut = true;
      needNoAnswer(key);
      settle(stopped.account, 'upstream_failed');
      await toAgent.say(refusalError(stopped.id, refuser.refuse('KILL_SWITCH', { request })));
    },
    fail: (id, what, thrown, of) => fail(idKey(id), what, thrown, of),
    async failAll(what) {
      for (const key of [...open.keys()]) await fail(key, what);
    },
  };
}
