/** What a hook prints so that its agent does not run the tool. */

import type { Refused } from '@portcullis/client';
import type { HookAgent } from './hook-event.js';

/**
 * Exit code of a hook that blocks. Claude Code, Codex, Cursor and Gemini CLI block on it whatever was printed; any other
 * failure they pass over.
 */
export const BLOCKS = 2;

/** How a refusal is put to an agent. */
export interface HookAnswer {
  /** For stdout. */
  readonly json: object;
  readonly exit: 0 | typeof BLOCKS;
}

/** One sentence for the agent and its user. */
export function explained({ message, code, decisionId, hold }: Refused): string {
  const about = [code, ...(decisionId === undefined ? [] : [`decision ${decisionId}`])].join(', ');
  const next =
    hold === undefined ? '' : `; approval ${hold.approval_id}: do the same again once somebody has approved it`;
  return `Portcullis: ${message} (${about})${next}`;
}

/** The refusal in the words of the agent. */
export function refusalFor(agent: HookAgent, refusal: Refused): HookAnswer {
  const reason = explained(refusal);
  switch (agent) {
    case 'claude':
      return { json: inWordsOfClaude(reason), exit: BLOCKS };
    case 'cursor':
      return { json: { permission: 'deny', user_message: reason, agent_message: reason }, exit: BLOCKS };
    case 'gemini':
      return { json: { decision: 'deny', reason }, exit: BLOCKS };
    case 'copilot':
      // It reads the answer only of a hook that succeeded; one configured as Claude Code's is answered as that.
      return {
        json: { permissionDecision: 'deny', permissionDecisionReason: reason, ...inWordsOfClaude(reason) },
        exit: 0,
      };
  }
}

function inWordsOfClaude(reason: string): object {
  const decision = { hookEventName: 'PreToolUse', permissionDecision: 'deny', permissionDecisionReason: reason };
  return { hookSpecificOutput: decision };
}
