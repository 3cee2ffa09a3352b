/**
 * Traces, made of OpenTelemetry's API. One span per attempt, and in it one for each question to a PDP and one for what is
 * upstream. Every surface asks the guard and tells the client how it ended, so watching those two watches all of them.
 */

import {
  type Attributes,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import type { CanonicalRequest } from '@portcullis/policy/model';
import { fieldsOf, remoteContext, remoteSpan } from '@portcullis/runtime/tracing/context';
import type { PolicyClient, Settlement } from '../ask/port.js';
import { isRefusal } from '../enforce/guard.js';
import type { Permit } from '../enforce/permit.js';
import { attemptAttributes, spanName } from './attributes.js';
import type { Tracing } from './port.js';
import { metaFields, readPlace } from './w3c.js';

/** Attempts whose end is awaited; beyond, the oldest span ends without one. */
const MAX_OPEN = 16_384;

interface OpenSpans {
  readonly attempt: Span;
  readonly upstream: Span;
}

/** Makes it; `flush` sends what waits. */
export function createTracing(tracer: Tracer, flush: () => Promise<void>): Tracing {
  // Keyed by the objects themselves: entries die with them.
  const asking = new WeakMap<CanonicalRequest, Span>();
  const sending = new WeakMap<Permit, Span>();
  const open = new Map<string, OpenSpans>();

  function within(parent: Span) {
    return trace.setSpan(ROOT_CONTEXT, parent);
  }

  function end(decisionId: string, attributes: Attributes, isFailed: boolean): void {
    const spans = open.get(decisionId);
    if (spans === undefined) return;
    open.delete(decisionId);
    spans.upstream.setAttributes(attributes);
    if (isFailed) spans.upstream.setStatus({ code: SpanStatusCode.ERROR });
    spans.upstream.end();
    spans.attempt.setAttributes(attributes);
    if (isFailed) spans.attempt.setStatus({ code: SpanStatusCode.ERROR });
    spans.attempt.end();
  }

  function ended({ decision_id, outcome }: Settlement): void {
    const isFailed = outcome === 'upstream_failed';
    end(decision_id, { 'portcullis.outcome': outcome, ...(isFailed ? { 'error.type': outcome } : {}) }, isFailed);
  }

  return {
    guard(guard) {
      return async (attempt) => {
        const { request } = attempt;
        const sent = readPlace(attempt.trace ?? {});
        const meta = readPlace(metaFields(request) ?? {});
        const parent = meta ?? sent;
        const span = tracer.startSpan(
          spanName(request),
          {
            kind: SpanKind.SERVER,
            attributes: attemptAttributes(request),
            // The message's own place is the parent; that of the connection is another view of the same.
            links: meta !== undefined && sent !== undefined ? [{ context: remoteSpan(sent) }] : [],
          },
          parent === undefined ? ROOT_CONTEXT : remoteContext(parent),
        );
        asking.set(request, span);
        const outcome = await guard(attempt);
        if (isRefusal(outcome)) {
          span.setAttribute('portcullis.outcome', outcome.outcome);
          span.setAttribute('error.type', outcome.code);
          if (outcome.decision_id !== undefined) span.setAttribute('portcullis.decision_id', outcome.decision_id);
          if (outcome.outcome === 'failed_closed') span.setStatus({ code: SpanStatusCode.ERROR });
          span.end();
          return outcome;
        }
        span.setAttribute('portcullis.decision_id', outcome.decision_id);
        const upstream = tracer.startSpan(
          `upstream ${outcome.server}`,
          { kind: SpanKind.CLIENT, attributes: { 'portcullis.server': outcome.server } },
          within(span),
        );
        sending.set(outcome, upstream);
        open.set(outcome.decision_id, { attempt: span, upstream });
        for (const oldest of open.keys()) {
          if (open.size <= MAX_OPEN) break;
          end(oldest, { 'portcullis.outcome': 'unknown' }, false);
        }
        return outcome;
      };
    },
    client(client): PolicyClient {
      return {
        async ask(request, details) {
          const parent = asking.get(request);
          const options = { kind: SpanKind.CLIENT };
          const span = tracer.startSpan(
            'portcullis decide',
            options,
            parent === undefined ? ROOT_CONTEXT : within(parent),
          );
          const answer = await client.ask(request, { ...details, trace: fieldsOf(span.spanContext()) });
          if (answer.kind === 'decision') {
            const { decision_id, effect, meta } = answer.decision;
            span.setAttributes({
              'portcullis.decision_id': decision_id,
              'portcullis.effect': effect,
              'portcullis.cached': meta.cached,
              'portcullis.release_seq': meta.release_seq,
            });
          } else {
            span.setAttribute('error.type', answer.failure.code);
            span.setStatus({ code: SpanStatusCode.ERROR });
          }
          span.end();
          return answer;
        },
        stops: (request) => client.stops(request),
        settle(settlement) {
          ended(settlement);
          client.settle(settlement);
        },
        refused: (attempt) => client.refused(attempt),
        async report(report) {
          const isTaken = await client.report(report);
          // What no PDP has taken is not delivered, and settled by whoever asked for it.
          if (isTaken) ended(report);
          return isTaken;
        },
        get ready() {
          return client.ready;
        },
        close: () => client.close(),
      };
    },
    headersOf(permit) {
      const span = sending.get(permit);
      if (span === undefined) return {};
      return fieldsOf(span.spanContext());
    },
    async close() {
      for (const decisionId of open.keys()) end(decisionId, { 'portcullis.outcome': 'unknown' }, false);
      await flush().catch(() => undefined);
    },
  };
}
