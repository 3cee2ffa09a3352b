/** Traces over OpenTelemetry: nothing of it is loaded before it is configured. */
export { type TracingConfig, tracingConfig } from './config.js';
export { type OpenTracer, openTracer } from './open-tracer.js';
export { readPlace, type TraceFields, type TracePlace } from './w3c.js';
