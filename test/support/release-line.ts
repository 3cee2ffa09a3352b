/** Three PDPs of one distributor, and releases that a decision tells apart. */

import { request } from 'undici';
import { connectPdp, type PdpVoice } from './ask-pdp.js';
import { eventually } from './eventually.js';
import { type Listening, listen } from './listen.js';
import { allowTools, type PolicySource, policySource } from './policy-source.js';
import { AGENT, type Published, type Stack, type StackOptions, startStack } from './stack.js';

/** P5. */
export const RECOVERY_MS = 10_000;

/** A stack with a voice at each PDP. */
export interface Line {
  readonly stack: Stack;
  readonly voices: readonly PdpVoice[];
  /** Publishes the next release; `tool` is what it allows. */
  publish(): Promise<Release>;
  /** Asks every PDP about `tool` without pause. */
  listen(tool: string, options?: Parameters<typeof listen>[2]): Listening;
  /** Ends all asking, also of a test that failed. */
  stopListening(): Promise<void>;
  close(): Promise<void>;
}

/** A release, and what it allows. */
export interface Release extends Published {
  readonly beganAt: number;
  readonly tool: string;
}

/** Every release allows one of two tools, in turn, so that a decision tells releases apart. */
const toolOf = (version: number): string => (version % 2 === 0 ? 'write' : 'read');
const policies = (version: number): PolicySource =>
  policySource(`1.0.${version}`, [allowTools('files', [toolOf(version)])]);

/** Starts it, with three PDPs. */
export async function startLine(options: StackOptions): Promise<Line> {
  const stack = await startStack({
    pdps: 3,
    // No hint is needed for what the tests promise, and none may be missed: the ordinary settings.
    pdp: { limits: { decisionDeadlineMs: 2_000 } },
    ...options,
  });
  const tls = stack.tls({ kind: 'agent', ...AGENT });
  const voices = await Promise.all(stack.pdps.map(({ endpoint }) => connectPdp(endpoint, tls)));
  let version = 0;
  const listeners: Listening[] = [];
  return {
    stack,
    voices,
    async publish() {
      version += 1;
      const beganAt = performance.now();
      return { ...(await stack.publish(policies(version))), beganAt, tool: toolOf(version) };
    },
    listen: (tool, listening) => {
      const started = listen(voices, tool, listening);
      listeners.push(started);
      return started;
    },
    async stopListening() {
      for (const listening of listeners.splice(0)) await listening.stop();
    },
    async close() {
      for (const voice of voices) await voice.close();
      await stack.close();
    },
  };
}

/** Waits until the given PDPs enforce at least `seq`, and says when each did, by index. */
export async function enforced(
  { voices }: Line,
  seq: number,
  pdps: readonly number[] = [0, 1, 2],
  timeoutMs = RECOVERY_MS,
): Promise<readonly number[]> {
  return Promise.all(
    pdps.map((index) =>
      eventually(
        `pdp-${index + 1} to enforce release ${seq}`,
        async () => {
          const said = await voices[index]?.ask('read');
          return (said?.seq ?? 0) >= seq && performance.now();
        },
        timeoutMs,
        2,
      ),
    ),
  );
}

/** What each of them enforces. */
export async function seqs({ voices }: Line): Promise<readonly number[]> {
  return Promise.all(voices.map(async (voice) => (await voice.ask('read')).seq));
}

/** Reasons for which PDPs did not take what they were shown, with how often. */
export async function refusals({ stack }: Line): Promise<Readonly<Record<string, number>>> {
  const counts: Record<string, number> = {};
  for (const { addresses } of stack.pdps) {
    const { body } = await request(`http://${addresses['admin'] ?? ''}/metrics`);
    for (const [, reason = '', count] of (await body.text()).matchAll(
      /^portcullis_pdp_bundle_verify_failures_total\{reason="(\w+)"\} (\d+)$/gm,
    )) {
      if (Number(count) > 0) counts[reason] = (counts[reason] ?? 0) + Number(count);
    }
  }
  return counts;
}
