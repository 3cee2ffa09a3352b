/** Opens traces when they are configured, and loads what they need only then. */

import type { Environment } from '@portcullis/runtime';
import { readSecret } from '../intercept/http/credential.js';
import type { TracingConfig } from './config.js';
import type { Tracing } from './port.js';

/**
 * The traces of this process; nothing when there are to be none.
 * @throws PortcullisError `ERR_CREDENTIAL_MISSING` when a header of the collector has no value.
 */
export async function openTracing(config: TracingConfig | undefined, env: Environment): Promise<Tracing | undefined> {
  if (config === undefined) return undefined;
  const headers: Record<string, string> = {};
  for (const [header, source] of Object.entries(config.headers))
    headers[header] = await readSecret(header, source, env);
  const [{ OTLPTraceExporter }, sdk, { resourceFromAttributes }, { createTracing }] = await Promise.all([
    import('@opentelemetry/exporter-trace-otlp-proto'),
    import('@opentelemetry/sdk-trace'),
    import('@opentelemetry/resources'),
    import('./tracing.js'),
  ]);
  const exporter = new OTLPTraceExporter({ url: config.endpoint, headers, timeoutMillis: config.exportTimeoutMs });
  const provider = new sdk.TracerProvider({
    resource: resourceFromAttributes({ 'service.name': 'portcullis-sidecar' }),
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
  return createTracing(provider.getTracer('portcullis'), () => provider.shutdown());
}
