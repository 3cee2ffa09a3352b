/** What an agent is answered when nothing was forwarded for it. */

import type { RefusedTarget } from '../../ask/port.js';
import { type Refusal, type Refuser, RPC_CODE } from '../../enforce/refuse.js';
import { answerJson } from '../http/late-answer.js';
import type { BadHead } from './head.js';
import type { RpcId } from './message.js';
import type { NotAnAttempt, Sighting } from './to-attempt.js';
import { refusalError, rpcError, statusOfRefusedRequest } from './to-response.js';
import type { Turn } from './turn.js';

/** Answers. Each does nothing where the agent has been answered, or is gone. */
export interface Replies {
  /** The refusal, with the status that clients of its generation expect. */
  refused(turn: Turn, id: RpcId | undefined, refusal: Refusal, seen: Pick<Sighting, 'era'>): void;
  /** The refusal, with this status. */
  respond(turn: Turn, id: RpcId | undefined, refusal: Refusal, status: number): void;
  /** A head, or the version in a message, that will not do. */
  badHead(turn: Turn, id: RpcId | undefined, bad: BadHead): void;
  /** A body that was not read to its end. */
  unreadable(turn: Turn, status: number, message: string): void;
  /** The refusal of a message that is not acceptable. */
  invalid(message: string, httpStatus?: number, rpcCode?: number, target?: RefusedTarget): Refusal;
  /** The refusal of what cannot be asked about. */
  notAnAttempt(made: NotAnAttempt): Refusal;
}

/** Makes them. */
export function createReplies(refuser: Refuser): Replies {
  const respond: Replies['respond'] = ({ response }, id, refusal, status) =>
    answerJson(response, status, refusalError(id, refusal));
  const invalid: Replies['invalid'] = (message, httpStatus = 400, rpcCode = RPC_CODE.invalidRequest, target) =>
    refuser.refuse('REQUEST_INVALID', { message, httpStatus, rpcCode, target });
  return {
    respond,
    invalid,
    refused(turn, id, refusal, { era }) {
      respond(turn, id, refusal, id === undefined ? refusal.httpStatus : statusOfRefusedRequest(refusal, era));
    },
    badHead({ response, head: { server } }, id, { message, status, rpcCode, data }) {
      const refusal = invalid(message, status, rpcCode, { server });
      answerJson(
        response,
        status,
        data === undefined ? refusalError(id, refusal) : rpcError(id, rpcCode, message, data),
      );
    },
    unreadable(turn, status, message) {
      // What was not read is still on its way; the connection cannot carry another request.
      turn.response.setHeader('connection', 'close');
      const { server } = turn.head;
      respond(turn, undefined, invalid(message, status, undefined, { server }), status);
    },
    notAnAttempt({ refused, message }) {
      if (refused === 'METHOD_UNKNOWN') return refuser.refuse('METHOD_UNKNOWN', { message });
      return invalid(message, 400, refused === 'PARAMS' ? RPC_CODE.invalidParams : RPC_CODE.invalidRequest);
    },
  };
}
