/** The composition root: the only file that constructs across folders. */

import { randomUUID } from 'node:crypto';
import { FIELD } from '@portcullis/policy/model';
import {
  composing,
  type DrainStep,
  LOG_FIELD,
  type Opened,
  openTlsMaterial,
  PortcullisError,
  processEnvironment,
  type Service,
  type ServiceContext,
  startAdminServer,
  systemClock,
  type Task,
} from '@portcullis/runtime';
import { createPolicyClient } from './ask/client.js';
import { pdpCredentials } from './ask/credentials.js';
import { createBehalfReader } from './behalf/behalf.js';
import { createAnswerCache } from './cache/answer-cache.js';
import type { SidecarConfig } from './config.js';
import { createAccounts } from './enforce/account.js';
import { auditLevel, BY_REDACTOR, type Capabilities } from './enforce/capabilities.js';
import { createGuard } from './enforce/guard.js';
import { createOpenAttempts, type OpenAttempts } from './enforce/open-attempts.js';
import { createRefuser } from './enforce/refuse.js';
import { agentIdentity } from './identity.js';
import { createRequestMaker } from './intercept/canonical-request.js';
import { createAnswerNews } from './intercept/mcp/held/answer-news.js';
import { openHolds } from './intercept/mcp/held/open.js';
import { countingEnds } from './intercept/mcp/held/repetitions.js';
import { createInspector } from './intercept/mcp/inspect.js';
import { createAttemptMaker } from './intercept/mcp/to-attempt.js';
import type { Surface, SurfaceParts } from './intercept/surface.js';
import { createSidecarMetrics } from './metrics.js';
import { createLayerNotes } from './redact/layers.js';
import { openRedactor } from './redact/open.js';
import { rehearse } from './rehearse.js';
import { openTracing } from './trace/open.js';

/** Added to the ask client's own deadline before the guard stops waiting for a client that never settles. */
const BACKSTOP_MS = 1_000;

/**
 * Builds the sidecar. `mode` "mcp" wraps the command after `--`; without a mode the HTTP proxy listens.
 * @throws PortcullisError when something is missing or a port cannot be bound; nothing stays open then.
 */
export function composeSidecar(config: SidecarConfig, context: ServiceContext): Promise<Service> {
  return composing((opened) => compose(config, context, opened));
}

async function compose(config: SidecarConfig, context: ServiceContext, opened: Opened): Promise<Service> {
  const { log, registry, health } = context;
  const material = await openTlsMaterial(config.tls, { log });
  opened(() => material.close());
  const identity = agentIdentity(material, config.trustDomain);
  const metrics = createSidecarMetrics(registry);
  const credentials = pdpCredentials(material, config.trustDomain);
  const asking = {
    identity,
    session: { id: config.session.id ?? randomUUID(), scope: config.session.scope },
    environment: config.environment,
    clock: systemClock,
    newId: randomUUID,
  };
  const attempts = createAttemptMaker(asking);
  let onEpochs: OpenAttempts['killEpoch'] = () => undefined;
  const cache = config.cache.enabled
    ? createAnswerCache({ limits: config.cache, clock: systemClock, newDecisionId: randomUUID, observer: metrics })
    : undefined;
  if (cache !== undefined) metrics.followCache(() => cache.entries);
  const tracing = await openTracing(config.tracing, processEnvironment());
  if (tracing !== undefined) opened(() => tracing.close());
  const news = createAnswerNews();
  const asked = createPolicyClient({
    cache,
    config: config.pdp,
    credentials,
    log,
    observer: {
      ...metrics,
      epochs: (endpoint, epochs) => {
        metrics.epochs(endpoint, epochs);
        onEpochs(endpoint, epochs.kill);
      },
      answers: news.told,
    },
    onRenewal: (renew) => material.onChange(renew),
    rehearsal: rehearse(attempts),
  });
  opened(() => asked.close());
  const layers = createLayerNotes();
  const client = layers.client(tracing?.client(asked) ?? asked);
  const backstopMs = config.pdp.deadlineMs + BACKSTOP_MS;
  const open = createOpenAttempts({ client, log, backstopMs });
  onEpochs = open.killEpoch;
  health.check('pdp', () => client.ready || 'no policy decision point has completed a handshake');

  const redactor = await openRedactor(config.redaction, { clock: systemClock, observer: metrics, noted: layers.note });
  opened(() => redactor.close());
  const capabilities: Capabilities = {
    audit_level: auditLevel((level, decision) =>
      log.info({ [FIELD.decisionId]: decision.decision_id, level }, 'Attempt allowed with audit level'),
    ),
  };
  const parts: SurfaceParts = {
    enforcementOf(source, { capabilities: own = {}, redacts = false, observer = metrics } = {}) {
      const refuser = createRefuser({ source, log, observer, records: client });
      const common = { client, open, refuser, clock: systemClock, backstopMs };
      const guard = redacts
        ? createGuard({
            ...common,
            redactor,
            capabilities: { ...capabilities, ...own, redact: BY_REDACTOR, mask_fields: BY_REDACTOR },
          })
        : createGuard({ ...common, capabilities: { ...capabilities, ...own } });
      return { guard: tracing?.guard(guard) ?? guard, refuser, requestOf: createRequestMaker(source, asking) };
    },
    client,
    behalf: createBehalfReader(config.onBehalf, processEnvironment()),
    open,
    observer: metrics,
    clock: systemClock,
    log,
    env: processEnvironment(),
    traceHeaders: tracing?.headersOf,
  };
  const { guard, refuser } = parts.enforcementOf('mcp_proxy', { redacts: true });
  const inspector = createInspector({
    guard,
    refuser,
    attempts,
    open,
    openAccount: createAccounts(client, systemClock),
    delivered: (permit) => {
      metrics.carriedOut('mcp_proxy', 'forwarded');
      client.settle({
        decision_id: permit.decision_id,
        request_digest: permit.request_digest,
        outcome: 'forwarded',
        duration_ms: 0,
      });
    },
    maxMessageBytes: Math.max(config.mcp?.limits.maxEventBytes ?? 0, config.stdio?.maxMessageBytes ?? 0),
  });
  const holds = await openHolds(config.approvals, {
    identity,
    guard,
    again: parts.enforcementOf('mcp_proxy', { redacts: true, observer: countingEnds(metrics) }).guard,
    refuser,
    news,
    clock: systemClock,
  });
  metrics.followWaiting(() => holds.waiting);
  const uncounted = { ...metrics, refused: () => undefined };
  const listingGuard = parts.enforcementOf('mcp_proxy', { redacts: true, observer: uncounted }).guard;
  const mcpParts = { ...parts, observer: metrics, guard, listingGuard, holds, refuser, attempts, inspector };

  const tasks: Task[] = [];
  const drain: DrainStep[] = [{ name: 'end the wait for people', timeoutMs: 100, run: async () => holds.close() }];
  if (context.mode === 'mcp') {
    const { startStdioWrapper } = await import('./intercept/mcp/stdio/compose-stdio.js');
    const wrapper = await startStdioWrapper(config.stdio, context.rest, { ...mcpParts, ready: () => client.ready });
    opened(() => wrapper.drain.run());
    tasks.push(wrapper.task);
    drain.push(wrapper.drain);
  } else {
    const surfaces: Surface[] = [];
    const listens = (name: string, surface: Surface): void => {
      opened(() => surface.disconnect());
      opened(() => surface.close());
      surfaces.push(surface);
      context.announce(name, surface.address);
      log.info({ [LOG_FIELD.address]: surface.address, surface: name }, 'Surface listens');
    };
    if (config.mcp !== undefined) {
      const { startHttpProxy } = await import('./intercept/mcp/compose-http.js');
      listens('mcp', await startHttpProxy(config.mcp, mcpParts));
    }
    if (config.authorize !== undefined) {
      const { startAuthorizeApi } = await import('./intercept/authorize/compose.js');
      listens('authorize', await startAuthorizeApi(config.authorize, parts));
    }
    if (config.egress !== undefined) {
      const { startEgressProxy } = await import('./intercept/egress/compose-egress.js');
      listens('egress', await startEgressProxy(config.egress, parts));
    }
    if (config.llm !== undefined) {
      const { startLlmGateway } = await import('./intercept/llm/compose-llm.js');
      const { redactingFilters } = await import('./intercept/llm/redacting.js');
      const filters = redactingFilters(redactor, identity.tenant);
      listens('llm', await startLlmGateway(config.llm, { ...parts, observer: metrics }, filters));
    }
    if (config.a2a !== undefined) {
      const { startA2aProxy } = await import('./intercept/a2a/compose.js');
      listens('a2a', await startA2aProxy(config.a2a, parts));
    }
    if (surfaces.length === 0)
      throw new PortcullisError('ERR_CONFIG_INVALID', 'invalid', 'no surface is configured, for example mcp');
    const all = (step: (surface: Surface) => Promise<void>) => async (): Promise<void> => {
      await Promise.all(surfaces.map(step));
    };
    drain.push(
      { name: 'finish attempts in flight', timeoutMs: config.drainMs, run: all((surface) => surface.finish()) },
      { name: 'close agent connections', timeoutMs: 1_000, run: all((surface) => surface.close()) },
      { name: 'close upstream connections', timeoutMs: 1_000, run: all((surface) => surface.disconnect()) },
    );
  }
  const admin = await startAdminServer({ ...config.admin, registry, health, onDrain: () => context.requestDrain() });
  context.announce('admin', admin.address);
  drain.push(
    { name: 'settle and leave the PDPs', timeoutMs: 2_000, run: () => client.close() },
    { name: 'leave the ner service', timeoutMs: 100, run: async () => redactor.close() },
    { name: 'send traces', timeoutMs: 2_000, run: async () => tracing?.close() },
    { name: 'close admin port', timeoutMs: 1_000, run: () => admin.close() },
    { name: 'stop watching certificates', timeoutMs: 100, run: async () => material.close() },
  );
  return { tasks, drain };
}
