/** A test bench: fake PDPs, a client that is connected to them, and what its observer saw. */

import { credentials } from '@grpc/grpc-js';
import type { CanonicalRequest } from '@portcullis/policy/model';
import { createLogger } from '@portcullis/runtime';
import { createPolicyClient, type PolicyClientOptions } from './client.js';
import { pdpConfig } from './config.js';
import { type FakePdp, startFakePdp } from './fake-pdp.js';
import type { AskObserver, AskOutcome, BreakerState, EndpointState } from './observer.js';
import type { AnswerCache, PolicyClient } from './port.js';

/** What an observer saw, in order. */
export interface Seen {
  readonly asked: AskOutcome[];
  readonly breaker: BreakerState[];
  readonly endpoints: (readonly [endpoint: string, state: EndpointState])[];
  readonly epochs: number[];
  hedges: number;
  dropped: number;
  reusesLost: number;
  refusalsLost: number;
  /** Asks that were answered without a PDP. */
  cached: number;
}

/** PDPs and a client. */
export interface Stand {
  readonly pdps: readonly FakePdp[];
  readonly client: PolicyClient;
  readonly seen: Seen;
}

/** Makes stands and takes them down. */
export interface Bench {
  /** Fake PDPs on loopback. */
  pdps(count: number, options?: Parameters<typeof startFakePdp>[0]): Promise<readonly FakePdp[]>;
  /** A client of these endpoints; `config` is merged over the defaults. */
  client(
    endpoints: readonly string[],
    config?: object,
    onRenewal?: PolicyClientOptions['onRenewal'],
    cache?: AnswerCache,
  ): Omit<Stand, 'pdps'>;
  /** PDPs and a client that has reached every one of them. */
  ready(count: number, config?: object, cache?: AnswerCache): Promise<Stand>;
  /** Runs when the bench closes, last first. */
  defer(close: () => unknown): void;
  close(): Promise<void>;
}

/** A tool call; `id` is its request id. */
export function askRequest(id: string): CanonicalRequest {
  return {
    version: '1.0',
    tenant_id: 'acme',
    source: 'mcp_proxy',
    kind: 'tool_call',
    agent: { id: 'agent-1' },
    tool: { name: 'read_file', server: 'fs', arguments: { path: '/srv/a' } },
    context: { timestamp: '2026-01-01T00:00:00Z', request_id: id },
  };
}

/** Resolves when `condition` holds. @throws Error when it does not within `ms`. */
export async function until(condition: () => boolean, ms: number = 5000): Promise<void> {
  const end = performance.now() + ms;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`condition not met within ${ms} ms: ${condition.toString()}`);
    await new Promise<void>((resolve) => {
      setTimeout(resolve, 2);
    });
  }
}

/**
 * How much later than a plain timer of `ms` an act ends, in milliseconds, as the median over `rounds`. A timer beside each
 * round shares whatever else the machine is busy with, so what is left is the act's own.
 */
export async function lateness(ms: number, rounds: number, act: (round: number) => Promise<void>): Promise<number> {
  const late: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const startedAt = performance.now();
    const timer = new Promise<number>((resolve) => {
      setTimeout(() => {
        resolve(performance.now());
      }, ms);
    });
    await act(round);
    const endedAt = performance.now();
    late.push(endedAt - startedAt < ms ? endedAt - startedAt - ms : endedAt - (await timer));
  }
  return late.sort((a, b) => a - b)[Math.floor(rounds / 2)] ?? Number.NaN;
}

/** Creates a bench. */
export function createBench(): Bench {
  const closers: (() => unknown)[] = [];
  const bench: Bench = {
    async pdps(count, options) {
      const made = await Promise.all(Array.from({ length: count }, () => startFakePdp(options)));
      for (const pdp of made) closers.push(() => pdp.stop());
      return made;
    },
    client(endpoints, config = {}, onRenewal, cache) {
      const seen: Seen = {
        asked: [],
        breaker: [],
        endpoints: [],
        epochs: [],
        hedges: 0,
        dropped: 0,
        reusesLost: 0,
        refusalsLost: 0,
        cached: 0,
      };
      const observer: AskObserver = {
        answers: () => undefined,
        asked: (outcome, _seconds, cached) => {
          seen.asked.push(outcome);
          if (cached) seen.cached += 1;
        },
        hedged: () => {
          seen.hedges += 1;
        },
        breakerChanged: (state) => seen.breaker.push(state),
        endpointChanged: (endpoint, state) => seen.endpoints.push([endpoint, state]),
        epochs: (_endpoint, epochs) => seen.epochs.push(epochs.release_seq),
        settleDropped: (count) => {
          seen.dropped += count;
        },
        reusesLost: (count) => {
          seen.reusesLost += count;
        },
        refusalsLost: (count) => {
          seen.refusalsLost += count;
        },
      };
      const client = createPolicyClient({
        config: pdpConfig.parse({ endpoints, ...config }),
        credentials: credentials.createInsecure(),
        log: createLogger({ component: 'test', level: 'silent' }),
        observer,
        ...(onRenewal === undefined ? {} : { onRenewal }),
        cache,
      });
      closers.push(() => client.close());
      return { client, seen };
    },
    async ready(count, config, cache) {
      const pdps = await bench.pdps(count);
      const { client, seen } = bench.client(
        pdps.map(({ address }) => address),
        config,
        undefined,
        cache,
      );
      await until(
        () => seen.epochs.length >= count && seen.endpoints.filter(([, state]) => state === 'up').length >= count,
      );
      return { pdps, client, seen };
    },
    defer(close) {
      closers.push(close);
    },
    async close() {
      for (const close of closers.splice(0).reverse()) await close();
    },
  };
  return bench;
}
