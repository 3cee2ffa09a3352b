/** Asks one PDP, as a sidecar does: over its stream, with an agent's certificate. Nothing is hedged and nobody else is asked. */
import type { CanonicalRequest, Decision } from '@portcullis/policy/model';
import { createLogger, openTlsMaterial, type TlsFiles } from '@portcullis/runtime';
import { createPolicyClient, pdpConfig, pdpCredentials } from '@portcullis/sidecar';
import { AGENT, TRUST_DOMAIN } from './stack.js';

/** What a PDP said about one question. */
export interface Said {
  /** `allow`, `deny` or `hold`; `none` when there was no answer at all. */
  readonly effect: Decision['effect'] | 'none';
  /** The deny codes, or the code of the failure to get an answer. */
  readonly codes: readonly string[];
  /** 0 without a release in force. */
  readonly seq: number;
  readonly digest: string;
  /** All of the decision that is the same whenever the same is asked of the same release; `undefined` without an answer. */
  readonly lasting: unknown;
}

/** A connection to one PDP. */
export interface PdpVoice {
  /** Asks about a call of `tool`. */
  ask(tool: string): Promise<Said>;
  close(): Promise<void>;
}

function question(tool: string, number: number): CanonicalRequest {
  return {
    version: '1.0',
    tenant_id: AGENT.tenant,
    source: 'mcp_proxy',
    kind: 'tool_call',
    agent: { id: AGENT.agent },
    tool: { server: 'files', name: tool, operation: 'tools/call', arguments: { path: '/workspace/plan.txt' } },
    context: { timestamp: '2026-11-21T12:00:00Z', request_id: `ask-${number}` },
  };
}

function heard(decision: Decision): Said {
  const { decision_id: _id, request_digest: _digest, meta, ...rest } = decision;
  const { evaluation_ms: _ms, ...lastingMeta } = meta;
  return {
    effect: decision.effect,
    codes: decision.deny.map(({ code }) => code),
    seq: meta.release_seq,
    digest: meta.bundle_digest,
    lasting: { ...rest, meta: lastingMeta },
  };
}

/**
 * Connects to the PDP at `endpoint` (`host:port`) with an agent's certificate; reconnects for as long as it lives.
 * @param patienceMs how long an answer is waited for
 */
export async function connectPdp(endpoint: string, tls: TlsFiles, patienceMs = 2_000): Promise<PdpVoice> {
  const log = createLogger({ component: 'test', level: 'silent' });
  const material = await openTlsMaterial(tls, { log });
  const client = createPolicyClient({
    // Patient: these tests are about what is decided, on machines that are busy with other tests.
    config: pdpConfig.parse({
      endpoints: [endpoint],
      deadlineMs: patienceMs,
      hedgeAfterMs: patienceMs - 1,
      reconnectMinMs: 20,
      reconnectMaxMs: 100,
      keepaliveMs: 5_000,
      keepaliveTimeoutMs: 5_000,
      // Never open: every question is to be asked.
      breaker: { volumeThreshold: 100_000, errorThresholdPercentage: 100, resetTimeoutMs: patienceMs + 1 },
    }),
    credentials: pdpCredentials(material, TRUST_DOMAIN),
    log,
  });
  let asked = 0;
  return {
    async ask(tool) {
      asked += 1;
      const answer = await client.ask(question(tool, asked));
      if (answer.kind === 'decision') return heard(answer.decision);
      return { effect: 'none', codes: [answer.failure.code], seq: 0, digest: '', lasting: undefined };
    },
    async close() {
      await client.close();
      material.close();
    },
  };
}
