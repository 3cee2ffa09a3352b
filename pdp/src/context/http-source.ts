/** A source of context over HTTPS: asked once per entity and time to live, left alone while it fails (ADR-0012). */

import { LOG_FIELD, type Logger, PortcullisError } from '@portcullis/runtime';
import CircuitBreaker from 'opossum';
import type { ContextSource, Question, Supplement } from '../pipeline/ports.js';
import { createEntityCache } from './entity-cache.js';
import { createAnswerReader } from './http-answer.js';
import type { HttpSourceConfig } from './http-source-config.js';

/** An answer with status 200. */
export interface Answered {
  readonly body: Uint8Array;
  /** Milliseconds for which it may be used by what it says of itself; `Infinity` when it says nothing. */
  readonly freshMs: number;
}

/** Sends a question and returns its answer. Rejects for everything else, in time. */
export type Post = (body: string) => Promise<Answered>;

/** What was read of an answer. */
interface Known {
  readonly supplement: Supplement;
  readonly freshMs: number;
}

/** A source, and what it holds open. */
export interface OpenContextSource extends ContextSource {
  close(): void;
}

const WINDOW_MS = 10_000;
const WINDOW_BUCKETS = 10;

/** Builds the source around a way to ask. */
export function createHttpSource(
  config: HttpSourceConfig,
  { post, monotonic, log }: { readonly post: Post; readonly monotonic: () => number; readonly log: Logger },
): OpenContextSource {
  const read = createAnswerReader(config.provides, config.maxAnswerBytes);
  const cache = createEntityCache<Known>({
    ttlMs: config.cacheSeconds * 1_000,
    lifetimeMs: ({ freshMs }) => freshMs,
    maxEntries: config.maxCached,
    monotonic,
  });
  const ask = async (question: string): Promise<Known> => {
    const { body, freshMs } = await post(question);
    return { supplement: read(body), freshMs };
  };
  const circuit = new CircuitBreaker<[string], Known>(ask, {
    name: config.name,
    // The way to ask has a time of its own.
    timeout: false,
    resetTimeout: config.breaker.pauseMs,
    errorThresholdPercentage: config.breaker.failurePercent,
    volumeThreshold: config.breaker.volume,
    rollingCountTimeout: WINDOW_MS,
    rollingCountBuckets: WINDOW_BUCKETS,
    rollingPercentilesEnabled: false,
    enableSnapshots: false,
  });
  circuit.on('open', () => log.warn({ source: config.name }, 'Source of context fails and is left alone'));
  circuit.on('close', () => log.info({ source: config.name }, 'Source of context is asked again'));
  const load = async (body: string): Promise<Known> => {
    try {
      return await circuit.fire(body);
    } catch (error) {
      const fault =
        error instanceof PortcullisError
          ? error
          : new PortcullisError('ERR_CONTEXT_SOURCE', 'unavailable', 'a source of context is not asked or failed', {
              cause: error,
            });
      log.debug({ [LOG_FIELD.error]: fault, source: config.name }, 'Source of context gave no answer');
      throw fault;
    }
  };
  return {
    name: config.name,
    provides: config.provides,
    supplement: (question) => {
      const known = cache.get(bodyOf(question), load);
      return known instanceof Promise ? known.then(({ supplement }) => supplement) : known.supplement;
    },
    close: () => circuit.shutdown(),
  };
}

/** What it is asked; also what tells entities apart. Names only: no arguments leave the PDP. */
function bodyOf({ request }: Question): string {
  const { server, name } = request.tool ?? {};
  return JSON.stringify({
    tenant: request.tenant_id,
    agent: request.agent.id,
    ...(server === undefined && name === undefined ? {} : { tool: { server, name } }),
    ...(request.user?.id === undefined ? {} : { user: request.user.id }),
  });
}
