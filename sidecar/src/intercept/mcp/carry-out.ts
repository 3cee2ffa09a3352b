/** Sends under a permit, relays what comes back, and settles. */

import type { CanonicalRequest } from '@portcullis/policy/model';
import { LOG_FIELD, type Logger } from '@portcullis/runtime';
import type { OpenAccount } from '../../enforce/account.js';
import type { OpenAttempts } from '../../enforce/open-attempts.js';
import type { Permit } from '../../enforce/permit.js';
import type { Refuser } from '../../enforce/refuse.js';
import { redactMessage } from '../../redact/message.js';
import type { ExchangeObserver, RelayOutcome } from '../exchange-outcome.js';
import { abortedWith } from '../http/aborted-with.js';
import { answerJson } from '../http/late-answer.js';
import type { UpstreamReply } from '../http/upstream.js';
import { type Declined, type Expectation, upstreamError } from './inspect.js';
import type { RpcId } from './message.js';
import type { RelayTask } from './relay.js';
import type { Replies } from './replies.js';
import type { Turn } from './turn.js';

/** What is particular to what is carried out. */
export interface Steps {
  readonly request: CanonicalRequest;
  readonly shown?: RelayTask['shown'];
  /** @param signal aborted when nobody is to have the answer any more, or it is not to go at all */
  send(signal: AbortSignal): Promise<UpstreamReply>;
  relay(task: RelayTask): Promise<RelayOutcome>;
  readonly answered?: () => void;
  readonly brokeOff?: () => void;
}

/** Carries out what was permitted. Never rejects, unless writing to the agent does. */
export type CarryOut = (
  turn: Turn,
  permit: Permit,
  id: RpcId | undefined,
  expected: Expectation,
  steps: Steps,
) => Promise<void>;

/** What it needs. */
export interface CarryOutOptions {
  readonly refuser: Refuser;
  readonly replies: Pick<Replies, 'respond'>;
  readonly openAccount: OpenAccount;
  /** Told what is under way, so that it can be cut off. */
  readonly open: Pick<OpenAttempts, 'add'>;
  readonly observer: Pick<ExchangeObserver, 'carriedOut'>;
  readonly log: Logger;
}

/** For telling a server that its request was refused. */
const DECLINE_TIMEOUT_MS = 10_000;

/** Makes it. */
export function createCarryOut({ refuser, replies, openAccount, open, observer, log }: CarryOutOptions): CarryOut {
  return async (turn, permit, id, expected, { request, shown, send, relay, answered, brokeOff }) => {
    const account = openAccount(permit);
    let outcome: RelayOutcome = 'upstream_failed';
    const cut = abortedWith(turn.signal);
    const { signal } = cut;
    const ended = open.add(request, () => {
      cutOff(turn, id, request);
      // The agent has not left: it has its answer.
      cut.abort();
    });
    try {
      const reply = await send(signal);
      outcome = await relay({
        reply,
        response: turn.response,
        requestId: id,
        expected,
        decline: (declined) => decline(turn, declined, log),
        release: async (brought) => {
          const isReleased = await account.release(brought);
          if (isReleased) turn.learned?.(brought);
          return isReleased;
        },
        received: account.received,
        shown,
        readdressed: turn.readdressed,
        redact: permit.redaction === undefined ? undefined : (message) => redactMessage(permit, message),
        answered: answered ?? (() => undefined),
        brokeOff: brokeOff ?? (() => undefined),
      });
    } catch (thrown) {
      if (!signal.aborted) log.warn({ [LOG_FIELD.error]: thrown }, 'Upstream could not be reached');
      answerJson(turn.response, id === undefined ? 502 : 200, upstreamError(id, 'it could not be reached'));
    } finally {
      ended();
      observer.carriedOut('mcp_proxy', outcome);
      account.settle(outcome);
    }
  };

  /** Ends it for the agent; an answer that has begun cannot be told why. */
  function cutOff(turn: Turn, id: RpcId | undefined, request: CanonicalRequest): void {
    if (turn.response.headersSent) {
      turn.response.destroy();
      return;
    }
    const refusal = refuser.refuse('KILL_SWITCH', { request });
    replies.respond(turn, id, refusal, id === undefined ? refusal.httpStatus : 200);
  }
}

/** Tells the server of a turn that a request of its own was refused. */
export function decline(turn: Turn, { id, refusal }: Declined, log: Logger): void {
  const { 'last-event-id': _resume, 'mcp-method': _method, 'mcp-name': _name, ...headers } = turn.headers;
  const both = { ...headers, accept: 'application/json, text/event-stream' };
  // On its own clock: the stream that brought the request may be over before the server has heard.
  turn.upstream.decline(id, refusal, both, AbortSignal.timeout(DECLINE_TIMEOUT_MS)).then(
    (reply) => reply.body.on('error', () => undefined).resume(),
    (thrown: unknown) => log.warn({ [LOG_FIELD.error]: thrown }, 'Server could not be told of a refusal'),
  );
}
