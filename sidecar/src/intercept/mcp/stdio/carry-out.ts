/** What was decided about a message of the agent is carried out: forwarded when its turn has come, or answered. */

import type { PolicyClient } from '../../../ask/port.js';
import { giveBack, type OpenAccount } from '../../../enforce/account.js';
import { type Attempt, isRefusal } from '../../../enforce/guard.js';
import type { OpenAttempts } from '../../../enforce/open-attempts.js';
import type { Permit } from '../../../enforce/permit.js';
import type { Refusal, Refuser } from '../../../enforce/refuse.js';
import type { ToolDefinitions } from '../definitions/tool-definitions.js';
import { type Instead, isInstead } from '../held/holds.js';
import type { RpcId } from '../message.js';
import type { Session } from '../sessions.js';
import { LIST_TOOLS, type Sighting } from '../to-attempt.js';
import { refusalError } from '../to-response.js';
import type { Child } from './child.js';
import type { OpenRequests, OpenRequestsOptions } from './open-requests.js';
import type { ToAgent } from './to-agent.js';

/** A message of the agent that was decided. */
export interface Said {
  readonly id: RpcId | undefined;
  readonly made: Attempt;
  readonly seen: Sighting;
  /** Resolved when what was said before has gone. */
  readonly turn: Promise<void>;
  readonly method?: string;
}

/** Resolves once it has gone to the server, or the agent has its answer. Rejects only when the agent cannot be told. */
export type CarryOut = (outcome: Permit | Refusal | Instead, said: Said) => Promise<void>;

/** What it needs. */
export interface CarryOutOptions {
  readonly session: Session;
  readonly requests: Pick<OpenRequests, 'add' | 'cutOff' | 'fail'>;
  /** Told what is under way, so that it can be cut off. */
  readonly open: Pick<OpenAttempts, 'add'>;
  readonly openAccount: OpenAccount;
  readonly settle: OpenRequestsOptions['settle'];
  readonly client: Pick<PolicyClient, 'settle'>;
  readonly tools: Pick<ToolDefinitions, 'shown'>;
  readonly child: Pick<Child, 'forward'>;
  readonly toAgent: Pick<ToAgent, 'say'>;
  readonly refuser: Pick<Refuser, 'refuse'>;
}

/** Makes it. */
export function createCarryOut(options: CarryOutOptions): CarryOut {
  const { session, requests, open, openAccount, settle, client, tools, child, toAgent, refuser } = options;
  return async (outcome, { id, made, seen, turn, method }) => {
    if (isInstead(outcome) || isRefusal(outcome)) {
      if (id === undefined) return undefined;
      session.end(id, false);
      return toAgent.say(isInstead(outcome) ? outcome.instead : refusalError(id, outcome));
    }
    const { request } = made;
    let isCut = false;
    const over = open.add(request, () => {
      isCut = true;
      if (id !== undefined) void requests.cutOff(id, outcome, request).catch(() => undefined);
    });
    await turn;
    if (isCut) {
      giveBack(client, outcome);
      if (id === undefined) return undefined;
      session.end(id, false);
      return toAgent.say(refusalError(id, refuser.refuse('KILL_SWITCH', { request })));
    }
    const account = openAccount(outcome);
    try {
      if (id !== undefined) {
        const shown =
          method === LIST_TOOLS
            ? { shown: (bytes: Buffer) => tools.shown(bytes, { requestId: id, seen, session, permit: outcome }) }
            : {};
        requests.add({ id, era: seen.era, permit: outcome, account, over, ...shown });
      }
      await child.forward(outcome);
      if (id === undefined) {
        over();
        settle(account, 'forwarded');
      }
    } catch (thrown) {
      over();
      if (id === undefined) settle(account, 'upstream_failed');
      else await requests.fail(id, 'it has ended', thrown);
    }
  };
}
