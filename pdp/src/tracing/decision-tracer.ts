/**
 * A span for every decision, below the one that asked for it (ADR-0032). It is made once the decision stands, out of what was
 * measured: nobody who asks waits for it, and what a span says is names, never arguments, users or tokens.
 */

import { type Attributes, ROOT_CONTEXT, SpanKind, SpanStatusCode } from '@opentelemetry/api';
import { type DenyCode, kindOf } from '@portcullis/policy/model';
import { type OpenTracer, readPlace } from '@portcullis/runtime/tracing';
import { type DecisionTracer, STAGES } from '../pipeline/ports.js';

/** Nothing was decided by policy: somebody should look. */
const FAILURES: ReadonlySet<DenyCode> = new Set<DenyCode>([
  'APPROVAL_UNAVAILABLE',
  'AUDIT_UNAVAILABLE',
  'INTERNAL_ERROR',
  'NO_VALID_BUNDLE',
  'PDP_TIMEOUT',
  'POLICY_ERROR',
  'QUOTA_UNAVAILABLE',
]);

/** Makes it. */
export function createDecisionTracer({ tracer, contextOf }: Pick<OpenTracer, 'tracer' | 'contextOf'>): DecisionTracer {
  return {
    decided({ trace, request, decision, timings, tookMs, endedAt }) {
      const place = trace === undefined ? undefined : readPlace(trace);
      const startTime = endedAt - tookMs;
      const span = tracer.startSpan(
        'decide',
        { kind: SpanKind.SERVER, startTime },
        place === undefined ? ROOT_CONTEXT : contextOf(place),
      );
      if (span.isRecording()) {
        let at = startTime;
        for (const stage of STAGES) {
          const microseconds = timings[stage];
          if (microseconds === undefined) continue;
          at += microseconds / 1000;
          span.addEvent(stage, { 'portcullis.stage_us': microseconds }, Math.min(at, endedAt));
        }
        const [reason] = decision.deny;
        const about: Attributes = {
          'portcullis.decision_id': decision.decision_id,
          'portcullis.effect': decision.effect,
          'portcullis.cached': decision.meta.cached,
          'portcullis.release_seq': decision.meta.release_seq,
          ...(request === undefined
            ? {}
            : {
                'portcullis.source': request.source,
                'portcullis.kind': kindOf(request),
                'gen_ai.agent.id': request.agent.id,
              }),
          ...(reason === undefined ? {} : { 'error.type': reason.code }),
        };
        span.setAttributes(about);
        if (reason !== undefined && FAILURES.has(reason.code)) span.setStatus({ code: SpanStatusCode.ERROR });
      }
      span.end(endedAt);
    },
  };
}
