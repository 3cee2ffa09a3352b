/** Where an attempt over MCP stands in its caller's trace. */

import { type CanonicalRequest, type Json, kindOf } from '@portcullis/policy/model';
import type { TraceFields } from '@portcullis/runtime/tracing';

export { readPlace, type TraceFields, type TracePlace } from '@portcullis/runtime/tracing';

/** The fields in the `_meta` of an MCP message (specification 2026-07-28, SEP-414). */
export function metaFields(request: CanonicalRequest): TraceFields | undefined {
  if (request.source !== 'mcp_proxy' || kindOf(request) === 'session') return undefined;
  const meta = member(member(request.tool?.attributes, 'params'), '_meta');
  const traceparent = member(meta, 'traceparent');
  if (typeof traceparent !== 'string') return undefined;
  const tracestate = member(meta, 'tracestate');
  return { traceparent, tracestate: typeof tracestate === 'string' ? tracestate : undefined };
}

function member(value: Json | undefined, name: string): Json | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const object = value as { readonly [name: string]: Json };
  return Object.hasOwn(object, name) ? object[name] : undefined;
}
