/** What the server says, once it is redacted: inspected, and delivered to the agent or not. */

import { LOG_FIELD, type Logger } from '@portcullis/runtime';
import type { BehalfReader } from '../../../behalf/behalf.js';
import type { Refuser } from '../../../enforce/refuse.js';
import { bringsTask, type Finding, type Inspector, wantedBy } from '../inspect.js';
import { idKey, type RpcMessage, type RpcRequest } from '../message.js';
import type { Session } from '../sessions.js';
import type { Child } from './child.js';
import { CANCELLED, type FromAgent } from './from-agent.js';
import type { OpenRequest, OpenRequests } from './open-requests.js';
import type { ToAgent } from './to-agent.js';

/**
 * Delivers a message that was read from these bytes, if it may be. What has to be decided first is not waited for.
 * @param answered the request that was open when it came; another one may have its id by now
 */
export type Deliver = (message: RpcMessage, bytes: Buffer, answered: OpenRequest | undefined) => Promise<void>;

/** What it needs. */
export interface DeliverOptions {
  readonly inspector: Pick<Inspector, 'inspectMessage'>;
  readonly child: Pick<Child, 'name' | 'decline'>;
  readonly behalf: Pick<BehalfReader, 'own'>;
  readonly agent: Pick<FromAgent, 'era'>;
  readonly session: Session;
  readonly requests: Pick<OpenRequests, 'isOver' | 'answered' | 'late' | 'fail'>;
  readonly toAgent: Pick<ToAgent, 'say'>;
  readonly refuser: Pick<Refuser, 'fault'>;
  readonly log: Logger;
}

/** Makes it. */
export function createDeliver(options: DeliverOptions): Deliver {
  const { inspector, child, behalf, agent, session, requests, toAgent, refuser, log } = options;
  // Requests of the server that are being decided; its own cancellation makes them moot.
  const deciding = new Map<string, { cancelled: boolean }>();

  function inspect(message: RpcMessage, answered: OpenRequest | undefined): Promise<Finding> {
    const seen = {
      server: child.name,
      era: answered?.era ?? agent.era,
      protocolVersion: undefined,
      sessionId: undefined,
      behalf: behalf.own,
    };
    const redacts = answered?.permit.redaction?.ofAnswers;
    return inspector.inspectMessage(message, { seen, session, expects: () => answered !== undefined, redacts });
  }

  function ask(message: RpcRequest, bytes: Buffer): void {
    const state = { cancelled: false };
    deciding.set(idKey(message.id), state);
    void inspect(message, undefined)
      .then(async (finding) => {
        deciding.delete(idKey(message.id));
        if (!state.cancelled) await conclude(bytes, finding, undefined);
        else session.answer(message.id);
      })
      .catch((thrown: unknown) => refuser.fault(thrown));
  }

  async function conclude(bytes: Buffer, finding: Finding, answered: OpenRequest | undefined): Promise<void> {
    if (finding.verdict === 'pass' || finding.verdict === 'replace') {
      if (answered !== undefined) {
        if (requests.isOver(answered)) return requests.late(answered);
        answered.account.received(bytes.length);
        const brought = finding.verdict === 'pass' ? (finding.brings ?? null) : null;
        const isReleased = await answered.account.release(brought);
        if (requests.isOver(answered)) return requests.late(answered);
        if (!isReleased) return requests.fail(answered.id, 'its answer could not be recorded');
        // Closed before it is delivered: once the agent has its answer it may use the id again.
        requests.answered(answered);
      }
      await toAgent.say(finding.verdict === 'pass' ? bytes : finding.instead);
      return;
    }
    log.warn({ [LOG_FIELD.reason]: finding.reason }, 'Server message was not delivered');
    if (finding.verdict === 'drop' && finding.decline !== undefined) {
      await child.decline(finding.decline.id, finding.decline.refusal).catch(() => undefined);
    }
  }

  return async (message, bytes, answered) => {
    if (message.kind === 'request') return ask(message, bytes);
    if (message.kind === 'notification' && message.method === CANCELLED) {
      const id = message.params['requestId'];
      const state = typeof id === 'string' || typeof id === 'number' ? deciding.get(idKey(id)) : undefined;
      if (state !== undefined) {
        state.cancelled = true;
        return undefined;
      }
    }
    const finding = inspect(message, answered);
    if (wantedBy(message) !== undefined || (message.kind === 'notification' && bringsTask(message))) {
      void finding
        .then((decided) => conclude(bytes, decided, answered))
        .catch((thrown: unknown) => refuser.fault(thrown));
      return undefined;
    }
    return conclude(bytes, await finding, answered);
  };
}
