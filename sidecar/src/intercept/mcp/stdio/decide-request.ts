/** How a request of the agent is decided: with the definition of its tool, and by people where they have to agree. */

import type { PolicyClient } from '../../../ask/port.js';
import { giveBack } from '../../../enforce/account.js';
import { type Attempt, isRefusal } from '../../../enforce/guard.js';
import type { Permit } from '../../../enforce/permit.js';
import type { Refusal, Refuser } from '../../../enforce/refuse.js';
import type { ToolDefinitions, ToolPage } from '../definitions/tool-definitions.js';
import { type Admitted, type Holds, type Instead, isInstead, type Party } from '../held/holds.js';
import type { RpcId, RpcRequest } from '../message.js';
import type { Session, Waiting } from '../sessions.js';
import { CALL_TOOL, type Sighting, withDefinition } from '../to-attempt.js';
import type { CarryOut } from './carry-out.js';
import type { OwnLists } from './own-lists.js';
import type { ToAgent } from './to-agent.js';

/**
 * Decides a request and has it carried out. What waits for people gives up its turn: what follows it does not wait with it.
 * @param turn resolved when what was said before has gone
 */
export type DecideRequest = (made: Attempt, admitted: Admitted, seen: Sighting, turn: Promise<void>) => Promise<void>;

/** What it needs. */
export interface DecideRequestOptions {
  readonly holds: Pick<Holds, 'decide'>;
  readonly tools: Pick<ToolDefinitions, 'ofCall'>;
  readonly ownLists: Pick<OwnLists, 'fetch'>;
  readonly session: Session;
  /** Aborted when the agent is gone. */
  readonly gone: AbortSignal;
  readonly carryOut: CarryOut;
  readonly client: Pick<PolicyClient, 'settle'>;
  readonly toAgent: Pick<ToAgent, 'say'>;
  readonly refuser: Pick<Refuser, 'fault'>;
}

/** Makes it. */
export function createDecideRequest(options: DecideRequestOptions): DecideRequest {
  const { holds, tools, ownLists, session, gone, carryOut, client, toAgent, refuser } = options;

  /**
   * A call with the digest of its tool's definition, or why it is refused without asking.
   * @param since the digest that it has been asked with
   */
  async function defined(
    message: RpcRequest,
    made: Attempt,
    seen: Sighting,
    turn: Promise<void>,
    since?: string,
  ): Promise<Attempt | Refusal> {
    const { name, arguments: args = {} } = made.request.tool ?? {};
    if (message.method !== CALL_TOOL || name === undefined) return made;
    const fetch = async (cursor: string | undefined): Promise<ToolPage> => {
      // What the agent said before, a handshake for example, has to have got there.
      await turn;
      return ownLists.fetch(message, seen, cursor);
    };
    const known = await tools.ofCall(name, { args, seen, session, fetch, since });
    if ('kind' in known) return known;
    return known.digest === undefined ? made : withDefinition(made, known.digest);
  }

  /** Until it has gone or is answered, or waits for people. */
  function ask(made: Attempt, admitted: Admitted, seen: Sighting, turn: Promise<void>): Promise<void> {
    const { id, method } = admitted.message;
    const { promise: gaveUpTurn, resolve: giveUpTurn } = Promise.withResolvers<void>();
    let waiting: Waiting | undefined;
    const party: Party = {
      elicitsUrl: session.elicitsUrl,
      tell: (approval) => session.tell(approval),
      waits() {
        waiting = session.waiting(id);
        giveUpTurn();
        return AbortSignal.any([waiting.signal, gone]);
      },
      alive(notification) {
        if (notification !== undefined) void toAgent.say(notification).catch(() => undefined);
      },
      async changed() {
        const again = await defined(admitted.message, made, seen, turn, made.request.tool?.definition_digest);
        return isRefusal(again) ? again : undefined;
      },
    };
    const done = holds
      .decide(made, admitted, seen, party)
      .then((outcome) => {
        waiting?.done();
        const isUnwanted = waiting !== undefined && (waiting.signal.aborted || gone.aborted);
        return isUnwanted ? unwanted(outcome, id) : carryOut(outcome, { id, made, seen, turn, method });
      })
      .catch((thrown: unknown) => void refuser.fault(thrown));
    return Promise.race([done, gaveUpTurn]);
  }

  /** The agent is gone or has cancelled it; it has not gone to the server, and does not. */
  function unwanted(outcome: Permit | Refusal | Instead, id: RpcId): void {
    session.end(id, false);
    if (isInstead(outcome) || isRefusal(outcome)) return;
    giveBack(client, outcome);
  }

  return async (made, admitted, seen, turn) => {
    const attempt = await defined(admitted.message, made, seen, turn);
    if (isRefusal(attempt)) return carryOut(attempt, { id: admitted.message.id, made, seen, turn });
    return ask(attempt, admitted, seen, turn);
  };
}
