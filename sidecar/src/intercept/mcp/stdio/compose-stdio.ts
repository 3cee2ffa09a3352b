/** Puts the stdio wrapper together. Loaded only in its mode. */

import { setTimeout as delay } from 'node:timers/promises';
import { type DrainStep, type Environment, PortcullisError, type Task } from '@portcullis/runtime';
import type { Guard } from '../../../enforce/guard.js';
import type { StdioConfig } from '../config.js';
import { type DefinitionParts, openToolDefinitions } from '../definitions/open.js';
import { startChild } from './child.js';
import { runStdio, type StdioOptions } from './stdio.js';

/** What the wrapper shares with the rest of the process. */
export type StdioParts = Pick<
  StdioOptions,
  'guard' | 'holds' | 'behalf' | 'refuser' | 'client' | 'attempts' | 'open' | 'inspector' | 'observer' | 'clock' | 'log'
> & {
  readonly observer: DefinitionParts['observer'];
  /** Asks about the tools of lists; its refusals are no attempts of the agent. */
  readonly listingGuard: Guard;
  readonly env: Environment;
  /** Whether a decision can be had yet. */
  readonly ready: () => boolean;
};

/** A running wrapper. */
export interface StdioWrapper {
  readonly task: Task;
  readonly drain: DrainStep;
}

/**
 * Starts the server named by `command` and wires it to this process's own standard streams.
 * @throws PortcullisError when there is no command, or it cannot be started.
 */
export async function startStdioWrapper(
  config: StdioConfig | undefined,
  command: readonly string[],
  parts: StdioParts,
): Promise<StdioWrapper> {
  const [program, ...args] = command;
  if (config === undefined || program === undefined) {
    throw new PortcullisError(
      'ERR_CONFIG_INVALID',
      'invalid',
      'mode "mcp" needs the stdio configuration and -- command',
    );
  }
  const tools = await openToolDefinitions(config.definitions, { ...parts, guard: parts.listingGuard });
  const child = await startChild({
    name: config.server,
    command: program,
    args,
    // What is said of the user is said to PDPs only.
    env: Object.fromEntries(Object.entries(parts.env).filter(([name]) => !parts.behalf.variables.has(name))),
    graceMs: config.graceMs,
  });
  // The agent sees the server's own exit code, as it would without us; ours (a failed start, a defect) go first.
  let childCode: number | undefined;
  process.once('exit', (code) => {
    if (code === 0 && childCode !== undefined) process.exitCode = childCode;
  });
  return {
    task: {
      name: 'stdio',
      mayEnd: true,
      async run(signal) {
        await untilReady(parts, config.readyWaitMs, signal);
        await runStdio({ ...parts, ...config, tools, child, input: process.stdin, output: process.stdout });
        const code = await child.ended;
        childCode = child.killed ? undefined : code;
      },
    },
    drain: { name: 'end the server', timeoutMs: config.graceMs * 2 + 1_000, run: () => child.end() },
  };
}

/**
 * A client speaks the moment it has started us; its handshake should not fail because ours with the PDP takes
 * milliseconds longer. What it says waits in the pipe. After the wait, questions are refused as always.
 */
async function untilReady({ ready, clock }: StdioParts, waitMs: number, signal: AbortSignal): Promise<void> {
  const until = clock.monotonic() + waitMs;
  while (!ready() && clock.monotonic() < until && !signal.aborted) await delay(5);
}
