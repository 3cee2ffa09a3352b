import { type Context, createTraceState, ROOT_CONTEXT, type SpanContext, TraceFlags, trace } from '@opentelemetry/api';
import type { TracePlace } from './w3c.js';

/** A place in somebody else's trace, as OpenTelemetry has it. */
export function remoteSpan({ traceId, spanId, isSampled, state }: TracePlace): SpanContext {
  return {
    traceId,
    spanId,
    traceFlags: isSampled ? TraceFlags.SAMPLED : TraceFlags.NONE,
    isRemote: true,
    ...(state === '' ? {} : { traceState: createTraceState(state) }),
  };
}

/** The parent that it is. */
export function remoteContext(place: TracePlace): Context {
  return trace.setSpanContext(ROOT_CONTEXT, remoteSpan(place));
}

/** The W3C fields of a span of ours, for whoever goes on with it. */
export function fieldsOf({ traceId, spanId, traceFlags, traceState }: SpanContext): {
  readonly traceparent: string;
  readonly tracestate?: string;
} {
  const state = traceState?.serialize() ?? '';
  return {
    traceparent: `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`,
    ...(state === '' ? {} : { tracestate: state }),
  };
}
