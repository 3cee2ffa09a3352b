/** The real HTTP proxy in this process, between a fake policy client and a recording upstream. */

import { randomUUID } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { Writable } from 'node:stream';
import { createLogger, createRegistry, type Logger, type Registry, systemClock } from '@portcullis/runtime';
import type { z } from 'zod';
import type { BehalfReader } from '../behalf/behalf.js';
import { createAccounts } from '../enforce/account.js';
import { auditLevel, BY_REDACTOR } from '../enforce/capabilities.js';
import { createGuard } from '../enforce/guard.js';
import { createOpenAttempts, type OpenAttempts } from '../enforce/open-attempts.js';
import { createRefuser } from '../enforce/refuse.js';
import { createRequestMaker, type RequestMakerOptions } from '../intercept/canonical-request.js';
import { type HttpProxyParts, startHttpProxy } from '../intercept/mcp/compose-http.js';
import { mcpConfig } from '../intercept/mcp/config.js';
import { type AnswerNews, createAnswerNews } from '../intercept/mcp/held/answer-news.js';
import { approvalsConfig } from '../intercept/mcp/held/config.js';
import { createHolds } from '../intercept/mcp/held/holds.js';
import { countingEnds } from '../intercept/mcp/held/repetitions.js';
import { createStateSealer } from '../intercept/mcp/held/sealed-state.js';
import { createInspector } from '../intercept/mcp/inspect.js';
import { createAttemptMaker } from '../intercept/mcp/to-attempt.js';
import type { Surface, SurfaceParts } from '../intercept/surface.js';
import { createSidecarMetrics } from '../metrics.js';
import { redactionConfig } from '../redact/config.js';
import { createRedactor, type RedactionObserver, type Redactor } from '../redact/redactor.js';
import type { FakePolicyClient } from './fake-policy-client.js';
import { NOBODY } from './nobody.js';

/** An answer of the proxy, read whole. */
export interface Answered {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  readonly json: {
    readonly id?: unknown;
    readonly result?: Record<string, unknown>;
    readonly error?: { readonly code: number; readonly message: string; readonly data?: Record<string, unknown> };
  };
}

/** A running proxy. */
export interface Harness {
  readonly proxy: Surface;
  readonly port: number;
  readonly url: string;
  readonly registry: Registry;
  readonly logged: string[];
  /** Says what a PDP would. */
  readonly killEpoch: OpenAttempts['killEpoch'];
  /** Says that people answered. */
  readonly news: AnswerNews;
  readonly holds: EnforcementParts['holds'];
  /** Sends one request; headers are given pairwise so that they may repeat. */
  send(options: {
    method?: string;
    path?: string;
    headers?: readonly string[];
    body?: string | Buffer;
  }): Promise<Answered>;
  /** POSTs a JSON-RPC message as a legacy client does. */
  post(message: unknown, headers?: readonly string[]): Promise<Answered>;
  close(): Promise<void>;
}

const ASKING: RequestMakerOptions = {
  identity: { tenant: 'acme', agent: 'agent-7' },
  session: { id: 'run-1', scope: 'mcp' },
  environment: 'dev',
  clock: systemClock,
  newId: randomUUID,
};

/** What both front ends share. */
export type EnforcementParts = Omit<HttpProxyParts, 'env' | 'open'> & { readonly open: OpenAttempts };

/** The parts that guard and inspect, as `compose.ts` makes them. */
export function enforcementParts(
  client: FakePolicyClient,
  registry: Registry,
  log: Logger,
  backstopMs = 200,
  approvals: z.input<typeof approvalsConfig> = { waitMs: 0 },
  news: AnswerNews = createAnswerNews(),
  redactor?: Redactor,
): EnforcementParts {
  const metrics = createSidecarMetrics(registry);
  const refuser = createRefuser({ source: 'mcp_proxy', log, observer: metrics, records: client });
  const open = createOpenAttempts({ client, log, backstopMs: 500 });
  const guarding = {
    client,
    open,
    clock: systemClock,
    backstopMs,
    redactor: redactor ?? testRedactor(metrics),
    capabilities: { redact: BY_REDACTOR, mask_fields: BY_REDACTOR, audit_level: auditLevel(() => undefined) },
  };
  const guard = createGuard({ ...guarding, refuser });
  const patient = createRefuser({ source: 'mcp_proxy', log, observer: countingEnds(metrics), records: client });
  const attempts = createAttemptMaker(ASKING);
  const inspector = createInspector({
    guard,
    refuser,
    attempts,
    open,
    openAccount: createAccounts(client, systemClock),
    delivered: () => undefined,
    maxMessageBytes: 4_194_304,
  });
  const holds = createHolds({
    config: approvalsConfig.parse(approvals),
    sealer: createStateSealer(Buffer.alloc(32, 9)),
    identity: ASKING.identity,
    guard,
    again: createGuard({ ...guarding, refuser: patient }),
    refuser,
    news,
    clock: systemClock,
  });
  return {
    guard,
    listingGuard: guard,
    holds,
    refuser,
    client,
    behalf: NOBODY,
    open,
    attempts,
    inspector,
    observer: metrics,
    clock: systemClock,
    log,
  };
}

/** With patterns only, and a key of its own. */
export function testRedactor(observer: RedactionObserver = { redacted: () => undefined }): Redactor {
  const config = redactionConfig.parse({});
  return createRedactor({ config, hashKey: Buffer.alloc(32, 7), clock: systemClock, observer });
}

/** Keeps log lines for a test to read. */
export function memoryLog(): { readonly log: Logger; readonly logged: string[] } {
  const logged: string[] = [];
  const destination = new Writable({
    write(chunk: Buffer, _encoding, done) {
      logged.push(chunk.toString('utf8'));
      done();
    },
  });
  return { log: createLogger({ component: 'sidecar', level: 'debug', destination }), logged };
}

/** Starts the proxy in front of `upstreamUrl`, as server `files`. */
export async function startHarness(options: {
  readonly client: FakePolicyClient;
  readonly upstreamUrl: string;
  readonly limits?: Record<string, number>;
  /** Default 200 ms. */
  readonly backstopMs?: number;
  readonly minimumVersion?: string;
  readonly headers?: Record<string, { env: string }>;
  readonly decisionHeaders?: boolean;
  readonly env?: Record<string, string>;
  /** By default calls are asked about whatever was seen of their tools. */
  readonly definitions?: Record<string, unknown>;
  /** Default: held calls do not wait. */
  readonly approvals?: z.input<typeof approvalsConfig>;
  /** Instead of `files`. */
  readonly upstreams?: readonly { readonly name: string; readonly url: string }[];
  readonly combined?: boolean;
  /** Default: nobody is named. */
  readonly behalf?: BehalfReader;
}): Promise<Harness> {
  const registry = createRegistry('portcullis_sidecar');
  const { log, logged } = memoryLog();
  const config = mcpConfig.parse({
    combined: options.combined ?? false,
    upstreams: options.upstreams ?? [
      {
        name: 'files',
        url: options.upstreamUrl,
        headers: options.headers ?? {},
        decisionHeaders: options.decisionHeaders ?? false,
      },
    ],
    limits: options.limits ?? {},
    definitions: { unseen: 'ask', ...options.definitions },
    ...(options.minimumVersion === undefined ? {} : { minimumVersion: options.minimumVersion }),
  });
  const news = createAnswerNews();
  const parts = enforcementParts(options.client, registry, log, options.backstopMs, options.approvals, news);
  const proxy = await startHttpProxy(config, { ...parts, behalf: options.behalf ?? NOBODY, env: options.env ?? {} });
  const port = Number(proxy.address.split(':').pop());
  const url = `http://127.0.0.1:${port}/mcp/files`;

  const send: Harness['send'] = ({ method = 'POST', path = '/mcp/files', headers = [], body }) =>
    new Promise((resolve, reject) => {
      const named = headers.some((name, at) => at % 2 === 0 && name.toLowerCase() === 'host');
      const sized = headers.some((name, at) => at % 2 === 0 && /^(transfer-encoding|content-length)$/i.test(name));
      const all = [
        ...(named ? [] : ['host', `127.0.0.1:${port}`]),
        ...headers,
        ...(sized || body === undefined ? [] : ['content-length', String(Buffer.byteLength(body))]),
      ];
      const outgoing = httpRequest(
        { host: '127.0.0.1', port, method, path, headers: all, agent: false },
        (incoming) => {
          const chunks: Buffer[] = [];
          incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
          incoming.on('error', reject);
          incoming.on('end', () => {
            const text = Buffer.concat(chunks).toString('utf8');
            let json: Answered['json'] = {};
            try {
              json = JSON.parse(text) as Answered['json'];
            } catch {
              // Not every answer is JSON.
            }
            resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, text, json });
          });
        },
      );
      outgoing.on('error', reject);
      outgoing.end(body);
    });

  return {
    proxy,
    port,
    url,
    registry,
    logged,
    killEpoch: parts.open.killEpoch,
    news,
    holds: parts.holds,
    send,
    post: (message, headers = []) =>
      send({
        headers: ['content-type', 'application/json', 'accept', 'application/json, text/event-stream', ...headers],
        body: typeof message === 'string' || Buffer.isBuffer(message) ? message : JSON.stringify(message),
      }),
    async close() {
      await proxy.close();
      await proxy.disconnect();
    },
  };
}

/** What any surface is built from, in front of a fake policy client. */
export function surfaceParts(client: FakePolicyClient): SurfaceParts {
  const registry = createRegistry('portcullis_sidecar');
  const { log } = memoryLog();
  const metrics = createSidecarMetrics(registry);
  const open = createOpenAttempts({ client, log, backstopMs: 500 });
  return {
    enforcementOf(source, { redacts = false } = {}) {
      const refuser = createRefuser({ source, log, observer: metrics, records: client });
      const capabilities = { audit_level: auditLevel(() => undefined) };
      const common = { client, open, refuser, clock: systemClock, backstopMs: 200 };
      return {
        refuser,
        guard: redacts
          ? createGuard({
              ...common,
              redactor: testRedactor(metrics),
              capabilities: { ...capabilities, redact: BY_REDACTOR, mask_fields: BY_REDACTOR },
            })
          : createGuard({ ...common, capabilities }),
        requestOf: createRequestMaker(source, ASKING),
      };
    },
    client,
    behalf: NOBODY,
    open,
    observer: metrics,
    clock: systemClock,
    log,
    env: {},
  };
}
