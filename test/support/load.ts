/**
 * A steady load of `tools/call` from several agents at once, every call with arguments of its own, so that each call can
 * be found again at the upstream and no answer can be taken for another's.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { REFUSALS } from '@portcullis/sidecar';
import { Client } from 'undici';

/** What one call came to, as the agent saw it. */
export type LoadOutcome =
  /** The upstream's own result, for exactly the arguments of this call. */
  | { readonly kind: 'result' }
  /** A JSON-RPC error with one of our codes, for exactly this call. */
  | { readonly kind: 'refused'; readonly code: string; readonly rpcCode: number }
  /** No connection, or one that ended without an answer. */
  | { readonly kind: 'unreachable'; readonly detail: string }
  /** Anything else: an answer that no agent should ever have to make sense of. */
  | { readonly kind: 'malformed'; readonly detail: string };

/** One call. Times are of `performance.now()`. */
export interface LoadCall {
  readonly nonce: string;
  readonly tool: string;
  readonly startedAt: number;
  readonly endedAt: number;
  readonly outcome: LoadOutcome;
}

/** A running load. */
export interface Load {
  /** Every call that has ended, in the order in which they ended. */
  readonly calls: readonly LoadCall[];
  /** The calls that were begun at or after a time. */
  since(startedAt: number): readonly LoadCall[];
  /** Lets every agent finish its call; resolves when all have. */
  stop(): Promise<void>;
}

/** What kind of load. */
export interface LoadOptions {
  /** The MCP endpoint. */
  readonly url: string;
  /** Agents, each with a connection and one call at a time; 4 by default. */
  readonly agents?: number;
  /** From the start of one call of an agent to its next, when that took less; 25 ms by default. */
  readonly everyMs?: number;
  /** The tools in turn; `read` by default. */
  readonly tools?: readonly string[];
}

interface RpcAnswer {
  readonly jsonrpc?: unknown;
  readonly id?: unknown;
  readonly result?: { readonly content?: readonly { readonly text?: unknown }[] };
  readonly error?: {
    readonly code?: unknown;
    readonly message?: unknown;
    readonly data?: { readonly code?: unknown; readonly message?: unknown; readonly outcome?: unknown };
  };
}

const malformed = (detail: string): LoadOutcome => ({ kind: 'malformed', detail: detail.slice(0, 300) });

/** Reads an answer the way a strict client does. */
export function readAnswer(status: number, text: string, id: string, sent: unknown): LoadOutcome {
  let answer: RpcAnswer;
  try {
    answer = JSON.parse(text) as RpcAnswer;
  } catch {
    return malformed(`HTTP ${status}, not JSON: ${text}`);
  }
  const { result, error } = answer;
  if (answer.jsonrpc !== '2.0' || (result === undefined) === (error === undefined)) {
    return malformed(`HTTP ${status}, not JSON-RPC: ${text}`);
  }
  if (error !== undefined) {
    const { code, message, data } = error;
    const reason = typeof data?.code === 'string' && Object.hasOwn(REFUSALS, data.code) ? data.code : undefined;
    // A sidecar that drains answers before it reads, and so cannot know the id.
    if (answer.id !== id && !(answer.id === undefined && data?.code === 'SHUTTING_DOWN')) {
      return malformed(`an error for ${String(answer.id)}, not ${id}: ${text}`);
    }
    const explained = typeof message === 'string' && message !== '' && typeof data?.outcome === 'string';
    if (typeof code !== 'number' || !Number.isInteger(code) || reason === undefined || !explained) {
      return malformed(`an error without a code of ours: ${text}`);
    }
    return { kind: 'refused', code: reason, rpcCode: code };
  }
  if (answer.id !== id) return malformed(`a result for ${String(answer.id)}, not ${id}: ${text}`);
  if (result?.content?.[0]?.text !== JSON.stringify(sent)) return malformed(`somebody else's result: ${text}`);
  return status === 200 ? { kind: 'result' } : malformed(`a result with HTTP ${status}`);
}

/** One agent's connection. */
export interface LoadAgent {
  call(tool: string): Promise<LoadCall>;
  close(): Promise<void>;
}

/** Connects an agent to an MCP endpoint; it speaks 2025-11-25 without a session. */
export function connectAgent(url: string): LoadAgent {
  const { origin, pathname } = new URL(url);
  const http = new Client(origin, { pipelining: 1, headersTimeout: 30_000, bodyTimeout: 30_000 });
  return {
    async call(tool) {
      const nonce = randomUUID();
      // Members out of order and of several types: the canonical form has to be the same on both sides.
      const args = { path: `/data/${nonce}`, nonce, deep: { z: 1.5, a: [true, null, 'ü'] } };
      const startedAt = performance.now();
      let outcome: LoadOutcome;
      try {
        const { statusCode, body } = await http.request({
          path: pathname,
          method: 'POST',
          headers: {
            'content-type': 'application/json',
            accept: 'application/json, text/event-stream',
            'mcp-protocol-version': '2025-11-25',
          },
          body: JSON.stringify({
            jsonrpc: '2.0',
            id: nonce,
            method: 'tools/call',
            params: { name: tool, arguments: args },
          }),
        });
        outcome = readAnswer(statusCode, await body.text(), nonce, args);
      } catch (error: unknown) {
        outcome = { kind: 'unreachable', detail: error instanceof Error ? error.message : String(error) };
      }
      return { nonce, tool, startedAt, endedAt: performance.now(), outcome };
    },
    close: () => http.destroy(),
  };
}

/** Starts the load. */
export function startLoad(options: LoadOptions): Load {
  const { url, agents = 4, everyMs = 25, tools = ['read'] } = options;
  const calls: LoadCall[] = [];
  let running = true;
  const run = async (index: number): Promise<void> => {
    const agent = connectAgent(url);
    // Spread out, so that a fault meets calls in every state.
    await delay((everyMs * index) / agents);
    for (let turn = index; running; turn += 1) {
      const call = await agent.call(tools[turn % tools.length] ?? 'read');
      calls.push(call);
      const rest = everyMs - (call.endedAt - call.startedAt);
      if (rest > 0) await delay(rest);
    }
    await agent.close();
  };
  const done = Promise.all(Array.from({ length: agents }, (_, index) => run(index)));
  return {
    calls,
    since: (startedAt) => calls.filter((call) => call.startedAt >= startedAt),
    async stop() {
      running = false;
      await done;
    },
  };
}

/** How many calls came to what: `result`, a code, `unreachable`, `malformed`. */
export function tally(calls: readonly LoadCall[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { outcome } of calls) {
    const key = outcome.kind === 'refused' ? outcome.code : outcome.kind;
    counts[key] = (counts[key] ?? 0) + 1;
  }
  return counts;
}

/** The value below which a share `q` of the numbers lies; NaN for none. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? Number.NaN;
}
