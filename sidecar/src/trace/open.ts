/** Opens traces when they are configured, and loads what they need only then. */

import type { Environment } from '@portcullis/runtime';
import { openTracer, type TracingConfig } from '@portcullis/runtime/tracing';
import type { Tracing } from './port.js';

/**
 * The traces of this process; nothing when there are to be none.
 * @throws PortcullisError `ERR_CREDENTIAL_MISSING` when a header of the collector has no value.
 */
export async function openTracing(config: TracingConfig | undefined, env: Environment): Promise<Tracing | undefined> {
  const opened = await openTracer(config, env, 'portcullis-sidecar');
  if (opened === undefined) return undefined;
  const { createTracing } = await import('./tracing.js');
  return createTracing(opened.tracer, opened.close);
}
