/** W3C Trace Context (Recommendation, level 1): where an attempt stands in its caller's trace. */

/** The fields as a caller sent them, unchecked. */
export interface TraceFields {
  readonly traceparent?: string | undefined;
  readonly tracestate?: string | undefined;
}

/** A place in a trace. */
export interface TracePlace {
  /** 32 lower-case hex digits, not all zero. */
  readonly traceId: string;
  /** 16 lower-case hex digits, not all zero. */
  readonly spanId: string;
  readonly isSampled: boolean;
  /** As it was sent; empty when there is none, or too much of it. */
  readonly state: string;
}

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
/** What has to be passed on at least (3.3.1.5); more is left out. */
const MAX_STATE = 512;

/** Reads the fields; nothing where they name no place (then the trace begins here). */
export function readPlace({ traceparent, tracestate }: TraceFields): TracePlace | undefined {
  const [, version = 'ff', traceId = '', spanId = '', flags = '00', more] = TRACEPARENT.exec(traceparent ?? '') ?? [];
  if (version === 'ff' || (version === '00' && more !== undefined)) return undefined;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  const state = tracestate !== undefined && tracestate.length <= MAX_STATE ? tracestate : '';
  return { traceId, spanId, isSampled: (Number.parseInt(flags, 16) & 1) === 1, state };
}
