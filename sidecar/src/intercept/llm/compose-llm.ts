/** Puts the model gateway together. Loaded only when it is configured. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { DECIDE_OUTPUT } from '@portcullis/policy/model';
import { maxTokens } from '../../enforce/capabilities.js';
import { type AgentServer, startAgentServer } from '../http/agent-server.js';
import { readSecret } from '../http/credential.js';
import { createUpstream, type Upstream } from '../http/upstream.js';
import type { Surface, SurfaceParts } from '../surface.js';
import { createLlmAttempts, upstreamName } from './attempts.js';
import { type CallOutcome, createDecideCall } from './calls.js';
import { type Catalogue, createCatalogue } from './catalogue.js';
import type { LlmConfig, ProviderConfig } from './config.js';
import { type ContentFilters, lookedChange, lookFirst, NO_FILTERS } from './content-filters.js';
import { createDeliverer, sendJson } from './deliver.js';
import { errorBody, errorHeaders, errorOf } from './errors.js';
import { createLlmExchange, type LlmExchange, type LlmObserver } from './exchange.js';
import { createGrant } from './grant.js';
import { readHead } from './head.js';
import { createReadInference } from './read-inference.js';
import { refusedTarget } from './refused-target.js';
import { apiOf, forwardedPaths } from './routes.js';

/** What the gateway reports. */
export interface GatewayObserver extends LlmObserver {
  /** A call that a model proposed was decided. */
  callDecided(outcome: CallOutcome): void;
}

/** What the gateway shares with the rest of the process. */
export type LlmParts = SurfaceParts & { readonly observer: GatewayObserver };

/**
 * Starts the gateway.
 * @throws PortcullisError when a credential is missing or the address cannot be bound.
 */
export async function startLlmGateway(
  config: LlmConfig,
  parts: LlmParts,
  filters: ContentFilters = NO_FILTERS,
): Promise<Surface> {
  const { limits } = config;
  const { guard, refuser, requestOf } = parts.enforcementOf('llm_proxy', {
    capabilities: { ...filters.capabilities, max_tokens: maxTokens, [DECIDE_OUTPUT]: true },
  });
  const strict = parts.enforcementOf('llm_proxy').guard;
  // Of calls, what a redaction orders can be compared with what they say.
  const callGuard = parts.enforcementOf('llm_proxy', { capabilities: filters.capabilities }).guard;
  const upstreams = new Map<string, Upstream>();
  for (const provider of config.providers) {
    const headers = await injectedHeaders(provider, parts.env);
    for (const path of forwardedPaths(provider.kind)) {
      const name = upstreamName(provider.name, path);
      const url = new URL(`${provider.baseUrl.replace(/\/$/, '')}${path}`);
      upstreams.set(
        name,
        createUpstream({
          name,
          url,
          headers,
          decisionHeaders: false,
          connectTimeoutMs: limits.connectTimeoutMs,
          headersTimeoutMs: limits.answerTimeoutMs,
          connections: limits.maxConnections,
        }),
      );
    }
  }
  const attempts = createLlmAttempts({ requestOf, estimate: config.estimate, tools: config.tools });
  const catalogue = createCatalogue(config.providers);
  const exchange = createLlmExchange({
    guard,
    refuser,
    client: parts.client,
    behalf: parts.behalf,
    open: parts.open,
    attempts,
    readInference: createReadInference({ catalogue, refuser, estimate: config.estimate }),
    grant: createGrant({
      guard,
      strictGuard: strict,
      refuser,
      client: parts.client,
      open: parts.open,
      attempts,
      filters,
      config,
    }),
    decideCall: createDecideCall({
      guard: callGuard,
      async isAsOrdered(permit, text) {
        const filter = filters.request(permit);
        if (filter === undefined) return true;
        const change = await lookedChange(filter, (collect) => collect(text, 'arguments'));
        return change(text, 'arguments') === text;
      },
      refuser,
      client: parts.client,
      attempts,
      refused: config.tools.refused,
      decided: (outcome) => parts.observer.callDecided(outcome),
    }),
    catalogue,
    upstreams,
    deliverer: createDeliverer({ limits, log: parts.log }),
    async isAsOrdered(permit, text) {
      const filter = filters.answer(permit);
      await lookFirst(filter, (collect) => collect(text, ''));
      return filter.whole(text, '') === text;
    },
    observer: parts.observer,
    clock: parts.clock,
    log: parts.log,
    config,
  });
  const server = await listen(config, refuser, catalogue, exchange);
  return {
    ...server,
    async disconnect() {
      await Promise.all([...upstreams.values()].map((upstream) => upstream.close()));
    },
  };
}

/** What is sent with every request: the provider's key as its API wants it, and what else is configured. */
async function injectedHeaders(
  { kind, credential, headers }: ProviderConfig,
  env: SurfaceParts['env'],
): Promise<Readonly<Record<string, string>>> {
  const injected: Record<string, string> = {};
  if (credential !== undefined) {
    const header = kind === 'anthropic' ? 'x-api-key' : 'authorization';
    const key = await readSecret(header, credential, env);
    injected[header] = kind === 'anthropic' ? key : `Bearer ${key}`;
  }
  for (const [name, source] of Object.entries(headers))
    injected[name.toLowerCase()] = await readSecret(name, source, env);
  return injected;
}

function listen(
  config: LlmConfig,
  refuser: ReturnType<SurfaceParts['enforcementOf']>['refuser'],
  catalogue: Catalogue,
  exchange: LlmExchange,
): Promise<AgentServer> {
  const { host, port, socket } = config.listen;
  const { limits, allowedHosts, allowedOrigins } = config;
  const rules = { allowedHosts, allowedOrigins, maxHeaders: limits.maxHeaders };
  return startAgentServer({
    what: 'the port of the model gateway',
    listen: socket === undefined ? { host, port } : { socket },
    limits,
    refuser,
    refuse(response, refusal) {
      const error = errorOf(refusal);
      const api = apiOf(response.req.url ?? '', new Map());
      sendJson(response, error.status, Buffer.from(JSON.stringify(errorBody(api, error))), errorHeaders(error));
    },
    async serve(request: IncomingMessage, response: ServerResponse, signal: AbortSignal) {
      const head = readHead(request, rules);
      if (head.ok) return exchange(head, request, response, signal);
      // The body was not read, so the connection ends with this answer.
      response.setHeader('connection', 'close');
      const target = refusedTarget(head.route, catalogue);
      const { message, status: httpStatus } = head;
      const error = errorOf(refuser.refuse('REQUEST_INVALID', { message, httpStatus, target }));
      return sendJson(
        response,
        error.status,
        Buffer.from(JSON.stringify(errorBody(head.api, error))),
        errorHeaders(error),
      );
    },
  });
}
