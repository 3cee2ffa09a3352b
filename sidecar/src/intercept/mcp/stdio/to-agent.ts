/** What the agent is told. Nothing but MCP messages is written to it. */

import type { Writable } from 'node:stream';
import { type Refuser, RPC_CODE } from '../../../enforce/refuse.js';
import { writeSlowly } from '../../http/backpressure.js';
import type { BadHead } from '../head.js';
import type { RpcId } from '../message.js';
import { refusalError, rpcError } from '../to-response.js';

/** The way to the agent. Each resolves once the pipe takes more. */
export interface ToAgent {
  /** One message, as it is. */
  say(text: string | Buffer): Promise<void>;
  /** What it said cannot be used. */
  invalid(id: RpcId | undefined, message: string, rpcCode?: number): Promise<void>;
  /** The versions that would do go along: by them a client finds one that both of us speak. */
  badVersion(id: RpcId | undefined, bad: BadHead): Promise<void>;
}

/** Makes it. */
export function createToAgent(output: Writable, refuser: Pick<Refuser, 'refuse'>): ToAgent {
  async function say(text: string | Buffer): Promise<void> {
    // One write per message: two could be parted by another message.
    await writeSlowly(output, `${text.toString()}\n`);
  }

  return {
    say,
    async invalid(id, message, rpcCode = RPC_CODE.invalidRequest) {
      await say(refusalError(id, refuser.refuse('REQUEST_INVALID', { message, rpcCode })));
    },
    async badVersion(id, bad) {
      const refusal = refuser.refuse('REQUEST_INVALID', { message: bad.message, rpcCode: bad.rpcCode });
      await say(bad.data === undefined ? refusalError(id, refusal) : rpcError(id, bad.rpcCode, bad.message, bad.data));
    },
  };
}
