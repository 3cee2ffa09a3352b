/**
 * How an agent meets a hold over MCP (contracts §7, ADR-0030). Every way ends in the guard: what people said is an input of
 * another question to a PDP, about the same attempt, and nothing here can make a permit.
 */

import type { Clock } from '@portcullis/runtime';
import { behalfKey } from '../../../behalf/behalf.js';
import { type Attempt, type Guard, isRefusal } from '../../../enforce/guard.js';
import type { Hold } from '../../../enforce/hold.js';
import type { Permit } from '../../../enforce/permit.js';
import { type Refusal, type Refuser, RPC_CODE } from '../../../enforce/refuse.js';
import type { AgentIdentity } from '../../../identity.js';
import type { RpcRequest } from '../message.js';
import type { Sighting } from '../to-attempt.js';
import type { AnswerNews } from './answer-news.js';
import { elicitationRequired, inputRequired, waitingNotice } from './answers.js';
import {
  broughtBack,
  callDigest,
  capabilitiesOf,
  elicitsUrl,
  heldStateOf,
  isDeclined,
  progressTokenOf,
  unwrapped,
} from './call.js';
import { type ApprovalsConfig, pageOf } from './config.js';
import { createLanes, type Place } from './lanes.js';
import type { HeldState, StateSealer } from './sealed-state.js';

/** A request, as it is decided and sent on. */
export interface Admitted {
  readonly message: RpcRequest;
  /** What it brought back of an earlier attempt that was held. */
  readonly held: { readonly state: HeldState; readonly declined: boolean } | undefined;
}

/** Who made the call, and how to reach them while it waits. */
export interface Party {
  /** Whether it declared at its handshake that it can show pages; requests of 2026-07-28 say so themselves. */
  readonly elicitsUrl: boolean;
  /** Notes that it was told of this approval. False: it was before. */
  tell(approval: string): boolean;
  /** From here on it takes as long as people take. The signal: the client is gone, or wants no answer any more. */
  waits(): AbortSignal;
  /** Sends a notification about the call; without one, whatever keeps the line open. Must not throw. */
  alive(notification: string | undefined): void;
  /** Why the call is not any more what people are asked about; nothing: it is. Asked before each further question. Never rejects. */
  changed(): Promise<Refusal | undefined>;
}

/** An answer that is neither the server's nor an error of ours. */
export interface Instead {
  readonly instead: string;
}

/** Meets holds. */
export interface Holds {
  /** The request without what is ours in it, or why it is refused. Never throws. */
  admit(message: RpcRequest, seen: Sighting): Admitted | Refusal;
  /** Decides; a tool call that is held is waited for, as far as its client wants it. Never rejects. */
  decide(attempt: Attempt, admitted: Admitted, seen: Sighting, party: Party): Promise<Permit | Refusal | Instead>;
  /** How many calls wait. */
  readonly waiting: number;
  /** Answers every call that waits, as if its time were over; none waits any more. */
  close(): void;
}

/** What it takes. */
export interface HoldsOptions {
  readonly config: ApprovalsConfig;
  readonly sealer: StateSealer;
  readonly identity: AgentIdentity;
  readonly guard: Guard;
  /** The same guard, for asking about a call that waits; see `repetitions.ts`. */
  readonly again: Guard;
  readonly refuser: Refuser;
  readonly news: AnswerNews;
  readonly clock: Clock;
}

/** Whether it is an answer of ours. */
export function isInstead(outcome: Permit | Refusal | Instead): outcome is Instead {
  return 'instead' in outcome;
}

/** What stays valid for as long as nobody says until when. */
const DEFAULT_STATE_MS = 3_600_000;
/** Approvals that are known to be used up; the one that was used up longest ago goes first. */
const MAX_SPENT = 10_000;
/** Between two questions about one call. */
const MIN_SPACING_MS = 100;
/** So that those who wait do not ask all at once. */
const POLL_SPREAD = 0.2;

/** Makes it. */
export function createHolds(options: HoldsOptions): Holds {
  const { config, sealer, identity, guard, again, refuser, news, clock } = options;
  const lanes = createLanes();
  const spent = new Set<string>();
  const ending = new AbortController();
  let waiting = 0;

  const ownerOf = ({ server }: { readonly server: string }) => ({ ...identity, server });

  function unusable(what: string): Refusal {
    const message = `requestState ${what}: make the call again without it`;
    return refuser.refuse('REQUEST_INVALID', { message, rpcCode: RPC_CODE.invalidParams });
  }

  function isSpent(approval: string): Refusal | undefined {
    return spent.has(approval) ? unusable(`is of the approval ${approval}, which is used up`) : undefined;
  }

  function spend(approval: string): void {
    spent.add(approval);
    for (const oldest of spent) {
      if (spent.size <= MAX_SPENT) break;
      spent.delete(oldest);
    }
  }

  function admit(message: RpcRequest, seen: Sighting): Admitted | Refusal {
    const text = heldStateOf(message);
    if (text === undefined) return { message, held: undefined };
    const state = sealer.open(text, ownerOf(seen));
    if (state === undefined) return unusable('was not given here for this server, or was changed');
    if (state.expiresAt <= clock.now()) return unusable('has expired');
    const original = unwrapped(message, state);
    if (callDigest(seen.server, original) !== state.call) return unusable('is of another call');
    return isSpent(state.approval) ?? { message: original, held: { state, declined: isDeclined(message) } };
  }

  async function decide(attempt: Attempt, admitted: Admitted, seen: Sighting, party: Party) {
    const { message, held } = admitted;
    // People are asked for each user by themselves: nobody's attempt takes the place of another's.
    const laneOf = (): string => `${callDigest(seen.server, message)} ${behalfKey(seen.behalf)}`;
    let place: Place | undefined;
    const join = (): Place => {
      place ??= lanes.join(laneOf());
      return place;
    };
    try {
      const isTool = message.method === 'tools/call';
      // Only where an attempt of the same call may be waiting: everything else is not worth a digest.
      const crowded = held !== undefined || (isTool && lanes.size > 0 && lanes.has(laneOf()));
      const { heard } = news;
      const known = held === undefined ? undefined : { approval_id: held.state.approval, asked: [] };
      const first = await ask(guard, attempt, crowded ? join() : undefined, known);
      if (!isRefusal(first) || first.hold === undefined || !isTool) return first;
      const begun = { attempt, admitted, seen, party, refusal: first, hold: first.hold, heard };
      return await meet(begun, join);
    } catch (thrown) {
      return refuser.fault(thrown, attempt.request);
    } finally {
      place?.leave();
    }
  }

  /** Asks once. @param hold whose approval an allow uses up, as far as it is known */
  async function ask(asking: Guard, attempt: Attempt, place: Place | undefined, hold: Hold | undefined) {
    const question = (): Promise<Permit | Refusal> => asking(attempt);
    const outcome = place === undefined ? await question() : await place.ask(question);
    if (outcome === 'passed') {
      const message = 'a later attempt of the same call waits in place of this one';
      return refuser.refuse('APPROVAL_REQUIRED', { message, hold, request: attempt.request });
    }
    if (outcome === 'spent') {
      const message = 'another attempt of the same call has used the approval up and is carried out';
      return refuser.refuse('APPROVAL_REFUSED', { message, request: attempt.request });
    }
    if (hold !== undefined && !isRefusal(outcome)) spend(hold.approval_id);
    return outcome;
  }

  async function meet(begun: Begun, join: () => Place): Promise<Permit | Refusal | Instead> {
    const { admitted, seen, party, refusal, hold } = begun;
    const { held } = admitted;
    const isNews = seen.era === 'modern' ? held?.state.approval !== hold.approval_id : party.tell(hold.approval_id);
    if (held?.declined === true) return refusal;
    const answer = answerTo(begun);
    if (isNews && answer !== undefined) return answer;
    if (config.waitMs === 0 || waiting >= config.maxWaiting || ending.signal.aborted) return answer ?? refusal;
    waiting += 1;
    try {
      return await wait(begun, join());
    } finally {
      waiting -= 1;
    }
  }

  /** How the client is asked to make the call again, where its protocol has a way. */
  function answerTo({ admitted, seen, party, refusal, hold }: Begun): Instead | undefined {
    const { message } = admitted;
    const page = pageOf(config.page, hold.approval_id);
    if (seen.era === 'legacy') {
      if (page === undefined || !party.elicitsUrl) return undefined;
      return { instead: elicitationRequired(message.id, refusal, hold, page) };
    }
    const state = {
      approval: hold.approval_id,
      call: callDigest(seen.server, message),
      expiresAt: expiryOf(hold) ?? clock.now() + DEFAULT_STATE_MS,
      upstream: broughtBack(message),
    };
    const sealed = sealer.seal(state, ownerOf(seen));
    if (sealed === undefined) return undefined;
    const shown = elicitsUrl(capabilitiesOf(message)) ? page : undefined;
    return { instead: inputRequired(message.id, hold, sealed, shown) };
  }

  async function wait(begun: Begun, place: Place): Promise<Permit | Refusal | Instead> {
    const { attempt, admitted, party } = begun;
    const until = clock.monotonic() + config.waitMs;
    const token = progressTokenOf(admitted.message);
    let { refusal, hold, heard } = begun;
    let askedAt = clock.monotonic();
    let signs = 0;
    const unwanted = party.waits();
    const signal = AbortSignal.any([unwanted, place.superseded, ending.signal]);
    const alive = setInterval(() => {
      signs += 1;
      party.alive(token === undefined ? undefined : waitingNotice(token, signs, hold));
    }, config.progressMs);
    try {
      for (;;) {
        const poll = config.pollMs * (1 - POLL_SPREAD * Math.random());
        const valid = (expiryOf(hold) ?? Number.POSITIVE_INFINITY) - clock.now();
        await news.after(heard, Math.max(0, Math.min(poll, valid, until - clock.monotonic())), signal);
        await spaced(askedAt, signal);
        // What people agreed to of another tool is void (contracts §7).
        const changed = signal.aborted ? undefined : await party.changed();
        if (changed !== undefined) return changed;
        // Right before the question: from there on an allow uses the approval up, whoever is still there.
        if (unwanted.aborted) return refusal;
        if (clock.monotonic() >= until || ending.signal.aborted)
          return answerTo({ ...begun, refusal, hold }) ?? refusal;
        if (clock.now() >= (expiryOf(hold) ?? Number.POSITIVE_INFINITY)) return expired(attempt, hold);
        askedAt = clock.monotonic();
        heard = news.heard;
        const next = await ask(again, attempt, place, hold);
        if (!isRefusal(next) || place.superseded.aborted) return next;
        if (next.hold !== undefined) {
          const isAnother = next.hold.approval_id !== hold.approval_id;
          refusal = next;
          hold = next.hold;
          // What was agreed to is void: whoever was shown a page has to be shown another.
          const answer = isAnother ? answerTo({ ...begun, refusal, hold }) : undefined;
          if (answer !== undefined) {
            party.tell(hold.approval_id);
            return answer;
          }
        } else if (next.outcome !== 'failed_closed') {
          return next;
        }
      }
    } finally {
      clearInterval(alive);
    }
  }

  /** Other people's answers are news, too: however many there are, nobody asks more often than this. */
  async function spaced(askedAt: number, signal: AbortSignal): Promise<void> {
    for (;;) {
      const left = askedAt + MIN_SPACING_MS - clock.monotonic();
      if (left <= 0 || signal.aborted) return;
      await news.after(news.heard, left, signal);
    }
  }

  /** Another question would ask people anew; that is for the agent to want. */
  function expired(attempt: Attempt, hold: Hold): Refusal {
    const message = 'nobody approved this in time: make the call again to ask anew';
    return refuser.refuse('APPROVAL_REQUIRED', { message, hold, request: attempt.request });
  }

  return {
    admit,
    decide,
    get waiting() {
      return waiting;
    },
    close: () => ending.abort(),
  };
}

interface Begun {
  readonly attempt: Attempt;
  readonly admitted: Admitted;
  readonly seen: Sighting;
  readonly party: Party;
  readonly refusal: Refusal;
  readonly hold: Hold;
  /** How much was heard of answers before it was asked about. */
  readonly heard: number;
}

/** Milliseconds since the epoch; nothing when nobody said so. */
function expiryOf({ expires_at: text }: Hold): number | undefined {
  const at = text === undefined ? Number.NaN : Date.parse(text);
  return Number.isNaN(at) ? undefined : at;
}
