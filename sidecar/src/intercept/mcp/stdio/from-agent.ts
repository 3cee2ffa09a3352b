/** What the agent says: read, made an attempt or refused without asking, and decided. */

import { LOG_FIELD, type Logger } from '@portcullis/runtime';
import { type BehalfReader, isBehalf } from '../../../behalf/behalf.js';
import { type Guard, isRefusal } from '../../../enforce/guard.js';
import { type Refuser, RPC_CODE } from '../../../enforce/refuse.js';
import type { StoppedSince } from '../../../enforce/stopped-since.js';
import { type ProtocolVersion, readInlineVersion } from '../headers.js';
import { elicitsUrl } from '../held/call.js';
import type { Holds } from '../held/holds.js';
import { isRpcId, type RpcResponse, readMessage } from '../message.js';
import type { Era } from '../methods.js';
import type { Session } from '../sessions.js';
import { type AttemptMaker, isAttempt, type Sighting } from '../to-attempt.js';
import { refusalError } from '../to-response.js';
import type { CarryOut } from './carry-out.js';
import type { Child } from './child.js';
import type { DecideRequest } from './decide-request.js';
import type { OpenRequests } from './open-requests.js';
import type { ToAgent } from './to-agent.js';

/** Names a request that may still wait. */
export const CANCELLED = 'notifications/cancelled';

/** Listens to the agent. */
export interface FromAgent {
  /**
   * One message: decided at once, forwarded when its turn has come. Returns the forwarding.
   * @param turn resolved when what was said before has gone
   */
  take(bytes: Buffer, turn: Promise<void>): Promise<void>;
  /** Of the last request that it made. */
  readonly era: Era;
}

/** What it needs. */
export interface FromAgentOptions {
  readonly child: Pick<Child, 'name' | 'answer'>;
  readonly behalf: Pick<BehalfReader, 'ofMessage' | 'ofAnswer' | 'lacks' | 'own'>;
  readonly holds: Pick<Holds, 'admit'>;
  readonly attempts: Pick<AttemptMaker, 'fromMessage'>;
  readonly session: Session;
  readonly guard: Guard;
  readonly decideRequest: DecideRequest;
  readonly carryOut: CarryOut;
  readonly requests: Pick<OpenRequests, 'isFree' | 'needNoAnswer'>;
  readonly toAgent: ToAgent;
  readonly refuser: Pick<Refuser, 'refuse'>;
  readonly stoppedSince: StoppedSince;
  readonly log: Logger;
  readonly minimumVersion: ProtocolVersion;
  readonly maxMessageBytes: number;
}

/** Makes it. */
export function createFromAgent(options: FromAgentOptions): FromAgent {
  const { child, behalf: reader, holds, attempts, session, guard, decideRequest, carryOut, requests } = options;
  const { toAgent, refuser, stoppedSince, log, minimumVersion, maxMessageBytes } = options;
  const { say, invalid } = toAgent;
  let era: Era = 'legacy';

  async function take(bytes: Buffer, turn: Promise<void>): Promise<void> {
    const read = readMessage(bytes, { maxBytes: maxMessageBytes });
    if (!read.ok) return invalid(read.id, read.message, read.rpcCode);
    const id = read.message.kind === 'request' ? read.message.id : undefined;
    const spoken = readInlineVersion(read.message, minimumVersion);
    if (!spoken.ok) return toAgent.badVersion(id, spoken);
    if (read.message.kind === 'response') return answer(reader.ofAnswer(read.message), turn);
    const said = reader.ofMessage(read.message, reader.own);
    const doubt = isBehalf(said) ? reader.lacks(said.behalf) : said;
    // A notification has no answer, not even a refusing one.
    if (doubt !== undefined && id === undefined)
      return void refuser.refuse('REQUEST_INVALID', { message: doubt.problem });
    if (!isBehalf(said) || doubt !== undefined) return invalid(id, doubt?.problem ?? '');
    const { message: bare, behalf } = said;
    if (bare.kind === 'request') era = spoken.era;
    const seen: Sighting = {
      server: child.name,
      direction: 'client_to_server',
      era: bare.kind === 'request' ? spoken.era : era,
      protocolVersion: spoken.version,
      sessionId: undefined,
      behalf,
    };
    const admitted = bare.kind === 'request' ? holds.admit(bare, seen) : undefined;
    if (admitted !== undefined && 'kind' in admitted) return say(refusalError(id, admitted));
    const message = admitted?.message ?? bare;
    const made = attempts.fromMessage(message, seen);
    if (!isAttempt(made)) {
      if (made.refused !== 'METHOD_UNKNOWN') {
        return invalid(id, made.message, made.refused === 'PARAMS' ? RPC_CODE.invalidParams : RPC_CODE.invalidRequest);
      }
      const unknown = refuser.refuse('METHOD_UNKNOWN', { message: made.message });
      // A notification has no answer, not even a refusing one.
      return id === undefined ? undefined : say(refusalError(id, unknown));
    }
    if (id !== undefined && !(requests.isFree(id) && session.begin(id)))
      return invalid(id, 'the id is in use, or too many requests have no answer: use another id, or start anew');
    if (message.method === 'initialize') session.elicitsUrl = elicitsUrl(message.params['capabilities']);
    const cancelled = message.method === CANCELLED ? message.params['requestId'] : undefined;
    if (isRpcId(cancelled)) session.cancel(cancelled);
    if (admitted !== undefined) return decideRequest(made, admitted, seen, turn);
    const outcome = await guard(made);
    await carryOut(outcome, { id, made, seen, turn });
    if (isRpcId(cancelled) && !isRefusal(outcome)) requests.needNoAnswer(cancelled);
    return undefined;
  }

  /** To a request of the server, which a permit allowed. */
  async function answer(message: RpcResponse, turn: Promise<void>): Promise<void> {
    const offer = message.id === undefined ? undefined : session.answer(message.id);
    if (offer === undefined) {
      refuser.refuse('REQUEST_INVALID', { message: 'no open server request has this id' });
      return;
    }
    await turn;
    // The last that is waited for: nothing that is stopped goes.
    if ((await stoppedSince(offer.kills, [offer.request])) !== undefined) return;
    await child.answer(offer.permit, JSON.stringify(message.value)).catch((thrown: unknown) => {
      log.warn({ [LOG_FIELD.error]: thrown }, 'Answer could not be forwarded');
    });
  }

  return {
    take,
    get era() {
      return era;
    },
  };
}
