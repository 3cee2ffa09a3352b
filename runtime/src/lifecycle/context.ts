import { createHealth } from '../health/health.js';
import { createLogger, type Logger } from '../log/logger.js';
import { createRegistry } from '../metrics/registry.js';
import type { ServiceContext } from './service.js';

/** Options of {@link createServiceContext}; whatever is left out gets a working default. */
export interface ServiceContextOptions {
  /** `pdp`. */
  readonly name: string;
  readonly version?: string;
  readonly log?: Logger;
  readonly mode?: string;
  readonly rest?: readonly string[];
  readonly signal?: AbortSignal;
  readonly announce?: (name: string, address: string) => void;
  readonly requestDrain?: () => void;
}

/** Makes the context that a service is composed from: for `runService`, for several services in one process, for tests. */
export function createServiceContext(options: ServiceContextOptions): ServiceContext {
  const { name, version = '0.0.0' } = options;
  return {
    log: options.log ?? createLogger({ component: name }),
    registry: createRegistry(`portcullis_${name.replaceAll('-', '_')}`, { service: name, version }),
    health: createHealth(),
    mode: options.mode,
    rest: options.rest ?? [],
    signal: options.signal ?? new AbortController().signal,
    announce: options.announce ?? (() => {}),
    requestDrain: options.requestDrain ?? (() => {}),
  };
}
