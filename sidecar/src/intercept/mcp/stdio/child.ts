/** The MCP server that a stdio sidecar wraps: a child process, started without a shell, reachable by permit only. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { type Environment, PortcullisError } from '@portcullis/runtime';
import { type Permit, requirePermit } from '../../../enforce/permit.js';
import type { Refusal } from '../../../enforce/refuse.js';
import { writeSlowly } from '../../http/backpressure.js';
import type { RpcId } from '../message.js';
import { refusalError } from '../to-response.js';

/** What to start. From the operator's command line and configuration, never from a message (A15). */
export interface ChildOptions {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Environment;
  /** From closing its input to SIGTERM, and from there to SIGKILL. */
  readonly graceMs: number;
}

/** A running server. */
export interface Child {
  readonly name: string;
  readonly output: Readable;
  /** Sends the permit's own payload. Resolves once the pipe takes more; rejects when it is closed. */
  forward(permit: Permit): Promise<void>;
  /** Sends the agent's answer to a server request that `permit` allowed. */
  answer(permit: Permit, payload: string): Promise<void>;
  /** Tells the server that its request was refused. */
  decline(id: RpcId, refusal: Refusal): Promise<void>;
  /** Resolves with the exit code once the child has ended; 128 + n after signal n, as shells say it. */
  readonly ended: Promise<number>;
  /** Whether it had to be ended by a signal of ours; its exit code then says nothing about it. */
  readonly killed: boolean;
  /** Closes its input; then SIGTERM, then SIGKILL, each after the grace time. Resolves when it has ended. */
  end(): Promise<void>;
}

const SIGNAL_CODES: Readonly<Record<string, number>> = { SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGTERM: 15 };

/**
 * Starts the server. Its standard error is ours; our own settings are not in its environment.
 * @throws PortcullisError `ERR_CHILD_START` when it cannot be started.
 */
export async function startChild(options: ChildOptions): Promise<Child> {
  const { name, command, args, graceMs } = options;
  const env = Object.fromEntries(Object.entries(options.env).filter(([key]) => !key.startsWith('PORTCULLIS_')));
  const child = spawn(command, [...args], { stdio: ['pipe', 'pipe', 'inherit'], shell: false, env, windowsHide: true });
  try {
    await once(child, 'spawn');
  } catch (error: unknown) {
    throw new PortcullisError('ERR_CHILD_START', 'invalid', 'the MCP server cannot be started', { cause: error });
  }
  const input = child.stdin;
  // A child that left is noticed through `ended`; a write to it is refused below.
  input.on('error', () => undefined);
  child.on('error', () => undefined);
  const ended = once(child, 'close').then(([code, signal]: unknown[]) =>
    typeof code === 'number' ? code : 128 + (SIGNAL_CODES[String(signal)] ?? 0),
  );

  let killed = false;

  async function write(text: string): Promise<void> {
    const taken = await writeSlowly(input, `${text}\n`);
    if (!taken) throw new PortcullisError('ERR_CHILD_ENDED', 'unavailable', 'the MCP server has ended');
  }

  return {
    name,
    output: child.stdout,
    ended,
    get killed() {
      return killed;
    },
    async forward(permit) {
      requirePermit(permit, name, 'client_to_server');
      if (permit.payload === undefined) throw new TypeError('the permit has no message');
      await write(permit.payload);
    },
    async answer(permit, payload) {
      requirePermit(permit, name, 'server_to_client');
      await write(payload);
    },
    async decline(id, refusal) {
      await write(refusalError(id, refusal));
    },
    async end() {
      input.end();
      for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
        if (await endsWithin(ended, graceMs)) return;
        killed = true;
        child.kill(signal);
      }
      await ended;
    },
  };
}

async function endsWithin(ended: Promise<unknown>, graceMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), graceMs);
  });
  return Promise.race([ended.then(() => true), late]).finally(() => clearTimeout(timer));
}
