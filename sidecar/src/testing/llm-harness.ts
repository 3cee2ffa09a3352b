/** The real model gateway in this process, between a fake policy client and a recording provider. */

import { randomUUID } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { createRegistry, type Registry, systemClock } from '@portcullis/runtime';
import type { BehalfReader } from '../behalf/behalf.js';
import { auditLevel } from '../enforce/capabilities.js';
import { createGuard } from '../enforce/guard.js';
import { createOpenAttempts, type OpenAttempts } from '../enforce/open-attempts.js';
import { createRefuser } from '../enforce/refuse.js';
import { createRequestMaker } from '../intercept/canonical-request.js';
import { startLlmGateway } from '../intercept/llm/compose-llm.js';
import { llmConfig } from '../intercept/llm/config.js';
import type { ContentFilters } from '../intercept/llm/content-filters.js';
import type { Surface } from '../intercept/surface.js';
import { createSidecarMetrics } from '../metrics.js';
import type { FakePolicyClient } from './fake-policy-client.js';
import { NOBODY } from './nobody.js';
import { memoryLog } from './proxy-harness.js';

/** What tests look into, of an answer of either API. Which of it is there is for them to find out. */
export interface LlmJson {
  readonly type?: string;
  readonly error?: {
    readonly type: string;
    readonly code: string;
    readonly message: string;
    readonly portcullis?: Readonly<Record<string, unknown>>;
  };
  /** Of chat completions. */
  readonly choices?: readonly {
    readonly finish_reason: string;
    readonly message: {
      readonly content: string | null;
      readonly tool_calls?: readonly { readonly function: { readonly name: string; readonly arguments: string } }[];
    };
  }[];
  /** Of messages. */
  readonly content?: readonly { readonly type: string; readonly input?: Readonly<Record<string, unknown>> }[];
  /** Of lists. */
  readonly data?: readonly { readonly id?: string }[];
  /** Of responses. */
  readonly output?: readonly unknown[];
}

/** An answer, read whole. */
export interface LlmAnswered {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  /** Of a stream, the data of its events. */
  readonly events: readonly string[];
  /** Of an answer in JSON; `undefined` of any other. */
  readonly json: LlmJson | undefined;
}

/** A running gateway. */
export interface LlmHarness {
  readonly surface: Surface;
  readonly port: number;
  readonly registry: Registry;
  readonly logged: string[];
  readonly killEpoch: OpenAttempts['killEpoch'];
  send(options: {
    method?: string;
    path?: string;
    headers?: Readonly<Record<string, string>>;
    body?: unknown;
    signal?: AbortSignal;
  }): Promise<LlmAnswered>;
  close(): Promise<void>;
}

/** Starts the gateway in front of `url`, as the providers `acme-openai` and `acme-anthropic`. */
export async function startLlmHarness(options: {
  readonly client: FakePolicyClient;
  readonly url: string;
  readonly config?: Readonly<Record<string, unknown>>;
  readonly filters?: ContentFilters;
  /** Default: nobody is named. */
  readonly behalf?: BehalfReader;
}): Promise<LlmHarness> {
  const registry = createRegistry('portcullis_sidecar');
  const metrics = createSidecarMetrics(registry);
  const { log, logged } = memoryLog();
  const origin = new URL(options.url).origin;
  const config = llmConfig.parse({
    providers: [
      {
        name: 'acme-openai',
        kind: 'openai',
        baseUrl: `${origin}/v1`,
        credential: { env: 'OPENAI_KEY' },
        models: [{ name: 'gpt-4o' }, { name: 'gpt-4o-mini', alias: 'small' }, { name: 'embedder', action: 'embed' }],
      },
      {
        name: 'acme-anthropic',
        kind: 'anthropic',
        baseUrl: origin,
        credential: { env: 'ANTHROPIC_KEY' },
        models: [{ name: 'claude-sonnet' }],
      },
    ],
    ...options.config,
  });
  const open = createOpenAttempts({ client: options.client, log, backstopMs: 500 });
  const asking = {
    identity: { tenant: 'acme', agent: 'agent-7' },
    session: { id: 'run-1', scope: 'sidecar' as const },
    environment: 'dev' as const,
    clock: systemClock,
    newId: randomUUID,
  };
  const surface = await startLlmGateway(
    config,
    {
      enforcementOf(source, { capabilities: more = {} } = {}) {
        const refuser = createRefuser({ source, log, observer: metrics, records: options.client });
        const guard = createGuard({
          client: options.client,
          open,
          refuser,
          clock: systemClock,
          backstopMs: 500,
          capabilities: { audit_level: auditLevel(() => undefined), ...more },
        });
        return { guard, refuser, requestOf: createRequestMaker(source, asking) };
      },
      client: options.client,
      behalf: options.behalf ?? NOBODY,
      open,
      observer: metrics,
      clock: systemClock,
      log,
      env: { OPENAI_KEY: 'sk-provider', ANTHROPIC_KEY: 'ak-provider' },
    },
    options.filters,
  );
  const port = Number(surface.address.split(':').pop());
  return {
    surface,
    port,
    registry,
    logged,
    killEpoch: open.killEpoch,
    send: ({ method = 'POST', path = '/v1/chat/completions', headers = {}, body, signal }) =>
      new Promise((resolve, reject) => {
        const text =
          body === undefined || typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
        const outgoing = httpRequest(
          {
            host: '127.0.0.1',
            port,
            method,
            path,
            agent: false,
            ...(signal === undefined ? {} : { signal }),
            headers: {
              ...(text === undefined
                ? {}
                : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
              ...headers,
            },
          },
          (incoming) => {
            const chunks: Buffer[] = [];
            incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
            incoming.on('error', reject);
            incoming.on('end', () => {
              const all = Buffer.concat(chunks).toString('utf8');
              let json: LlmJson | undefined;
              try {
                json = JSON.parse(all) as LlmJson;
              } catch {
                // Not every answer is JSON.
              }
              const events = all
                .split('\n')
                .filter((line) => line.startsWith('data: '))
                .map((line) => line.slice('data: '.length));
              resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, text: all, events, json });
            });
          },
        );
        outgoing.on('error', reject);
        outgoing.end(text);
      }),
    async close() {
      await surface.close();
      await surface.disconnect();
    },
  };
}
