/** The sources that the configuration names, in the order in which they add. */

import { type Clock, type Logger, PortcullisError, type TlsMaterial } from '@portcullis/runtime';
import type { ContextSource } from '../pipeline/ports.js';
import { redisTls } from '../redis/redis-tls.js';
import { createAgentSource } from './agent-source.js';
import type { AgentStore } from './agent-store.js';
import type { ContextConfig } from './context-config.js';
import { createHttpSource } from './http-source.js';
import { openHttpsPost } from './https-post.js';
import { createMemoryAgentStore } from './memory-agents.js';
import { createRedisAgentStore } from './redis-agents.js';
import { createRegistrySource } from './registry-source.js';

/** Everything that is open. */
export interface OpenContext {
  /** What the bundle says, then what services say, then what operators say. */
  readonly sources: readonly ContextSource[];
  /** Counts what operators say; `undefined` where they cannot. */
  readonly agents: AgentStore | undefined;
  close(): void;
}

/** What is needed besides the configuration. */
export interface OpenContextParts {
  readonly tls: TlsMaterial;
  readonly clock: Clock;
  readonly log: Logger;
  /** Milliseconds; what takes longer could never be used. */
  readonly deadlineMs: number;
}

/**
 * Opens them; neither a Redis nor a service that is not there is waited for.
 * @throws PortcullisError `invalid` when a source may take longer than a decision, or a file cannot be read.
 */
export async function openContext(config: ContextConfig, parts: OpenContextParts): Promise<OpenContext> {
  const { tls, clock, deadlineMs } = parts;
  const agents = openAgents(config.agents, parts);
  const closing: (() => void)[] = [() => agents?.close()];
  const close = (): void => {
    for (const end of closing.splice(0)) end();
  };
  try {
    const services: ContextSource[] = [];
    for (const one of config.http) {
      requireTime(one.timeoutMs, deadlineMs, `context.http ${one.name}`);
      const { post, close: hangUp } = await openHttpsPost(one, tls);
      const source = createHttpSource(one, { post, monotonic: clock.monotonic, log: parts.log });
      closing.push(hangUp, () => source.close());
      services.push(source);
    }
    const standing = agents === undefined ? [] : [createAgentSource(agents)];
    return { sources: [createRegistrySource(), ...services, ...standing], agents, close };
  } catch (error) {
    close();
    throw error;
  }
}

function openAgents(config: ContextConfig['agents'], parts: OpenContextParts): AgentStore | undefined {
  if (config === undefined) return undefined;
  if (config.type === 'memory') return createMemoryAgentStore(config);
  requireTime(config.timeoutMs, parts.deadlineMs, 'context.agents');
  const { type: _type, tls, ...options } = config;
  return createRedisAgentStore({
    ...options,
    ...(tls ? { tls: redisTls(parts.tls, options.url) } : {}),
    monotonic: parts.clock.monotonic,
    log: parts.log,
  });
}

function requireTime(timeoutMs: number, deadlineMs: number, what: string): void {
  if (timeoutMs < deadlineMs) return;
  throw new PortcullisError(
    'ERR_CONTEXT_TIMEOUT',
    'invalid',
    `${what}: timeoutMs is not shorter than limits.decisionDeadlineMs`,
  );
}
