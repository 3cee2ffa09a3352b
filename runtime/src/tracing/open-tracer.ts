/** Opens the traces of a process when they are configured, and loads what they need only then. */

import type { Context, Tracer } from '@opentelemetry/api';
import type { Environment } from '../config/environment.js';
import { readSecret } from '../config/secret-source.js';
import type { TracingConfig } from './config.js';
import type { TracePlace } from './w3c.js';

/** Makes spans. */
export interface OpenTracer {
  readonly tracer: Tracer;
  /** The parent that a place in somebody else's trace is. */
  contextOf(place: TracePlace): Context;
  /** Sends what waits. */
  close(): Promise<void>;
}

/**
 * The tracer of this process; nothing when there are to be no traces.
 * @param service `service.name`
 * @throws PortcullisError `ERR_CREDENTIAL_MISSING` when a header of the collector has no value.
 */
export async function openTracer(
  config: TracingConfig | undefined,
  env: Environment,
  service: string,
): Promise<OpenTracer | undefined> {
  if (config === undefined) return undefined;
  const headers: Record<string, string> = {};
  for (const [header, source] of Object.entries(config.headers))
    headers[header] = await readSecret(header, source, env);
  const [{ OTLPTraceExporter }, sdk, { resourceFromAttributes }, { remoteContext }] = await Promise.all([
    import('@opentelemetry/exporter-trace-otlp-proto'),
    import('@opentelemetry/sdk-trace'),
    import('@opentelemetry/resources'),
    import('./remote-context.js'),
  ]);
  const exporter = new OTLPTraceExporter({ url: config.endpoint, headers, timeoutMillis: config.exportTimeoutMs });
  const provider = new sdk.TracerProvider({
    resource: resourceFromAttributes({ 'service.name': service }),
    sampler: new sdk.ParentBasedSampler({ root: new sdk.TraceIdRatioBasedSampler(config.sampleRatio) }),
    spanProcessors: [
      new sdk.BatchSpanProcessor({
        exporter,
        maxQueueSize: config.maxQueueSpans,
        maxExportBatchSize: Math.min(512, config.maxQueueSpans),
        scheduledDelayMillis: 1_000,
        exportTimeoutMillis: config.exportTimeoutMs,
      }),
    ],
  });
  return { tracer: provider.getTracer('portcullis'), contextOf: remoteContext, close: () => provider.shutdown() };
}
