/**
 * The stdio wrapper: reads the agent's messages from one stream and the server's from another, decides, and passes on.
 * Each direction keeps its order; what waits for a decision holds up only what follows it towards the server.
 */

import type { Readable, Writable } from 'node:stream';
import { type Clock, LOG_FIELD, type Logger } from '@portcullis/runtime';
import type { PolicyClient } from '../../../ask/port.js';
import type { BehalfReader } from '../../../behalf/behalf.js';
import { type Account, createAccounts } from '../../../enforce/account.js';
import type { Guard } from '../../../enforce/guard.js';
import type { OpenAttempts } from '../../../enforce/open-attempts.js';
import type { Refuser } from '../../../enforce/refuse.js';
import { createStoppedSince } from '../../../enforce/stopped-since.js';
import type { ExchangeObserver, RelayOutcome } from '../../exchange-outcome.js';
import type { ToolDefinitions } from '../definitions/tool-definitions.js';
import type { ProtocolVersion } from '../headers.js';
import type { Holds } from '../held/holds.js';
import type { Inspector } from '../inspect.js';
import { createSession } from '../sessions.js';
import type { AttemptMaker } from '../to-attempt.js';
import { createCarryOut } from './carry-out.js';
import type { Child } from './child.js';
import { createDecideRequest } from './decide-request.js';
import { createDeliver } from './deliver.js';
import { createFromAgent } from './from-agent.js';
import { createFromServer } from './from-server.js';
import { createLineReader } from './lines.js';
import { createOpenRequests } from './open-requests.js';
import { createOwnLists } from './own-lists.js';
import { createToAgent } from './to-agent.js';

/** What the wrapper needs. */
export interface StdioOptions {
  readonly guard: Guard;
  /** Decides what may be held for people. */
  readonly holds: Holds;
  readonly refuser: Refuser;
  readonly client: Pick<PolicyClient, 'settle' | 'report'>;
  readonly behalf: BehalfReader;
  readonly attempts: AttemptMaker;
  /** Told what is under way, so that it can be cut off. */
  readonly open: OpenAttempts;
  readonly inspector: Inspector;
  readonly observer: ExchangeObserver;
  readonly clock: Clock;
  readonly log: Logger;
  readonly child: Child;
  readonly tools: ToolDefinitions;
  /** From the agent. */
  readonly input: Readable;
  /** To the agent; nothing but MCP messages is written to it. */
  readonly output: Writable;
  readonly minimumVersion: ProtocolVersion;
  readonly maxMessageBytes: number;
  /** Messages of the agent that may wait at once; reading pauses beyond. */
  readonly maxPending: number;
}

/** Runs until the agent closes its side or the server ends. Never rejects for what either of them says. */
export async function runStdio(options: StdioOptions): Promise<void> {
  const { refuser, child, log, maxMessageBytes } = options;
  const session = createSession(true);
  /** Aborted when the agent is. */
  const gone = new AbortController();
  const openAccount = createAccounts(options.client, options.clock);

  function settle(account: Account, outcome: RelayOutcome): void {
    options.observer.carriedOut('mcp_proxy', outcome);
    options.observer.took(account.elapsedMs() / 1000);
    account.settle(outcome);
  }

  const toAgent = createToAgent(options.output, refuser);
  const requests = createOpenRequests({ session, refuser, toAgent, settle, log });
  const shared = { ...options, session, openAccount, settle, toAgent, requests };
  const ownLists = createOwnLists(shared);
  const carryOut = createCarryOut(shared);
  const decideRequest = createDecideRequest({ ...shared, ownLists, gone: gone.signal, carryOut });
  const stoppedSince = createStoppedSince(options.open, refuser);
  const agent = createFromAgent({ ...shared, decideRequest, carryOut, stoppedSince });
  const deliver = createDeliver({ ...shared, agent });
  const fromServer = createFromServer({ ...shared, ownLists, deliver });

  async function pumpAgent(): Promise<void> {
    const lines = createLineReader({ maxLineBytes: maxMessageBytes });
    const pending = new Set<Promise<void>>();
    let turn: Promise<void> = Promise.resolve();
    for await (const chunk of options.input) {
      for (const line of lines.push(chunk as Buffer)) {
        const work = (
          line.kind === 'line' ? agent.take(line.bytes, turn) : toAgent.invalid(undefined, 'the message is too long')
        ).catch((thrown: unknown) => {
          refuser.fault(thrown);
        });
        turn = Promise.all([turn, work]).then(() => undefined);
        pending.add(work);
        void work.finally(() => pending.delete(work));
        if (pending.size >= options.maxPending) await turn;
      }
    }
    gone.abort();
    await turn;
  }

  async function pumpServer(): Promise<void> {
    const lines = createLineReader({ maxLineBytes: maxMessageBytes });
    for await (const chunk of child.output) {
      for (const line of lines.push(chunk as Buffer)) {
        if (line.kind === 'line') await fromServer(line.bytes);
        else log.warn({ [LOG_FIELD.reason]: 'too long' }, 'Server output was not a message');
      }
    }
    await requests.failAll('it has ended');
  }

  const quiet = (pump: Promise<void>): Promise<void> =>
    pump.catch((thrown: unknown) => {
      log.warn({ [LOG_FIELD.error]: thrown }, 'Stream ended');
    });
  const agentGone = quiet(pumpAgent());
  const serverGone = quiet(pumpServer());
  await Promise.race([agentGone, serverGone]);
  await child.end();
  await serverGone;
}
