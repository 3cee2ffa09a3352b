/** Lists of tools that the wrapper asks for itself, which the agent knows nothing of. */

import type { OpenAccount } from '../../../enforce/account.js';
import { type Guard, isRefusal } from '../../../enforce/guard.js';
import type { RelayOutcome } from '../../exchange-outcome.js';
import { OwnRequestRefused, PAGE_TIMEOUT_MS, pageRequest } from '../definitions/fetch-page.js';
import type { ToolPage } from '../definitions/tool-definitions.js';
import { idKey, type RpcRequest, type RpcResponse } from '../message.js';
import { type AttemptMaker, isAttempt, type Sighting } from '../to-attempt.js';
import type { Child } from './child.js';

/** Requests of our own. */
export interface OwnLists {
  /**
   * A page of the server's list, on our own account.
   * @param call on whose behalf, and in whose revision, it is asked for
   * @throws when it may not be asked for, is not given in time or could not be recorded
   */
  fetch(call: RpcRequest, seen: Sighting, cursor: string | undefined): Promise<ToolPage>;
  /** Whether any waits for its answer. */
  readonly isWaiting: boolean;
  /** Whether it answers one of these, which has it then. */
  take(answer: RpcResponse): boolean;
}

/** What they need. */
export interface OwnListsOptions {
  readonly attempts: Pick<AttemptMaker, 'fromMessage'>;
  readonly guard: Guard;
  readonly openAccount: OpenAccount;
  readonly child: Pick<Child, 'forward' | 'ended'>;
}

/** None is asked for yet. */
export function createOwnLists({ attempts, guard, openAccount, child }: OwnListsOptions): OwnLists {
  const waiting = new Map<string, (answer: RpcResponse) => void>();
  return {
    async fetch(call, seen, cursor) {
      const asked = pageRequest(call, cursor);
      const made = attempts.fromMessage(asked, seen);
      if (!isAttempt(made)) throw new TypeError(made.message);
      const permit = await guard(made);
      if (isRefusal(permit)) throw new OwnRequestRefused(asked.method, permit);
      const account = openAccount(permit);
      let outcome: RelayOutcome = 'upstream_failed';
      const { promise, resolve, reject } = Promise.withResolvers<RpcResponse>();
      const timer = setTimeout(() => reject(new Error('the server did not list its tools in time')), PAGE_TIMEOUT_MS);
      try {
        waiting.set(idKey(asked.id), resolve);
        void child.ended.then(() => reject(new Error('the server has ended')));
        await child.forward(permit);
        const { result } = await promise;
        if (result === undefined) throw new Error('the server answered with an error');
        if (!(await account.release(result))) throw new Error('the list could not be recorded');
        outcome = 'forwarded';
        return { result };
      } finally {
        clearTimeout(timer);
        waiting.delete(idKey(asked.id));
        account.settle(outcome);
      }
    },
    get isWaiting() {
      return waiting.size > 0;
    },
    take(answer) {
      const resolve = answer.id === undefined ? undefined : waiting.get(idKey(answer.id));
      resolve?.(answer);
      return resolve !== undefined;
    },
  };
}
