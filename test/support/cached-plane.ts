/**
 * A decision plane in one process: a PDP's pipeline with sources of context that change, a sidecar's cache in front of it,
 * and the same pipeline without any cache beside it. Time and state are the test's.
 */

import {
  type ContextSource,
  createDecide,
  createDecisionCache,
  createEpochs,
  createMemoryQuotaStore,
  type Decide,
  type DecideParts,
  type Snapshot,
} from '@portcullis/pdp';
import type { CompiledBundle, Engine } from '@portcullis/policy';
import { linkBundle } from '@portcullis/policy';
import type { CanonicalRequest, Decision } from '@portcullis/policy/model';
import type { Epochs, WatchReport } from '@portcullis/proto';
import { createAnswerCache } from '@portcullis/sidecar';
import { nobodyAsked } from './nobody-asked.js';

/** What a decision is, apart from which one it is. */
export type Substance = Pick<Decision, 'effect' | 'deny' | 'conditions' | 'obligations' | 'matched' | 'diagnostics'>;

/** How an answer was come by. */
export type Origin = 'sidecar' | 'pdp' | 'decided';

/** An answer. */
export interface Answered {
  readonly substance: Substance;
  readonly origin: Origin;
}

/** The plane. */
export interface CachedPlane {
  /** Asks through both caches. */
  ask(request: CanonicalRequest): Promise<Answered>;
  /** Asks the PDP with its cache, as another sidecar would that keeps nothing. */
  askPdp(request: CanonicalRequest): Promise<Answered>;
  /** Asks without any cache. */
  askPlain(request: CanonicalRequest): Promise<Substance>;
  publish(bundle: CompiledBundle): void;
  /** Trust in an agent; a source adds it by `agent.id`, and its epoch moves. */
  trust(agent: string, level: number): void;
  /** What is known of a tool; a source adds it by `tool.name`, and the epoch of labels moves. */
  register(tool: string, level: string): void;
  /** Labels that a source adds which promises nothing: no epoch moves. */
  label(labels: readonly string[]): void;
  /** The watch between sidecar and PDP breaks, and comes back. */
  interrupt(): void;
  pass(ms: number): void;
}

const DIGEST = 'ab'.repeat(32);
const TTL_SECONDS = 10;

/** The bundle, whose decisions may be kept. */
export function keeping(bundle: CompiledBundle): CompiledBundle {
  return { ...bundle, cacheTtlSeconds: TTL_SECONDS };
}

/** Starts with one bundle in force. `silent`: without sources, everything is as the request says. */
export function createCachedPlane(bundle: CompiledBundle, { silent = false } = {}): CachedPlane {
  let time = 0;
  const clock = { now: () => time, monotonic: () => time };
  const levels = new Map<string, number>();
  const tools = new Map<string, string>();
  let labels: readonly string[] = [];
  let seq = 0;
  let snapshot: Snapshot;
  const listeners = new Set<() => void>();
  const epochs = createEpochs({
    state: () => ({ releaseSeq: seq }),
    onChange: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  });
  const put = (given: CompiledBundle): void => {
    seq += 1;
    const engine: Engine = linkBundle(given);
    snapshot = { engine, releaseSeq: seq, bundleDigest: DIGEST, policyVersion: '1.0.0' };
    for (const listener of listeners) listener();
  };
  put(bundle);
  const changing: ContextSource[] = [
    {
      name: 'trust',
      provides: ['agent.trust_level'],
      steady: { by: ['agent.id'] },
      supplement: async ({ request }) => ({ agent: { trust_level: levels.get(request.agent.id) ?? 0 } }),
    },
    {
      name: 'registry',
      provides: ['tool.attributes.level'],
      steady: { by: ['tool.name'] },
      supplement: async ({ request }) => {
        const level = tools.get(String(request.tool?.name));
        return level === undefined ? {} : { tool: { attributes: { level } } };
      },
    },
    { name: 'session', provides: ['context.labels'], supplement: async () => ({ context: { labels } }) },
  ];
  const sources = silent ? [] : changing;
  let ids = 0;
  const newId = (): string => {
    ids += 1;
    return `d-${ids}`;
  };
  const ignore = (): void => undefined;
  const parts: DecideParts = {
    snapshots: { current: () => ({ ok: true, snapshot }) },
    sources,
    assessor: undefined,
    followers: [],
    kills: { stops: () => undefined },
    approvals: nobodyAsked(clock),
    gateways: new Map([['edge', new Set(['t1', 't2', 'acme'])]]),
    users: { assertedBy: new Set(['edge']), verify: () => Promise.reject(new Error('no tokens here')) },
    parseRequest: (value) => ({ ok: true, value: value as unknown as CanonicalRequest }),
    sink: undefined,
    clock,
    observer: { stageTook: ignore, sourceAnswered: ignore, held: ignore, decided: ignore, reserved: ignore },
    quotas: createMemoryQuotaStore({ clock, leaseMs: 1, maxAccounts: 10, maxReservations: 10 }),
    newDecisionId: newId,
    engine: 'test',
    onDefect: (error) => {
      throw error;
    },
  };
  const memory = createDecisionCache({
    limits: { maxEntries: 50, maxBytes: 1_000_000 },
    maxTtlSeconds: 30,
    epochs,
    sources,
    assessesRisk: false,
    clock,
    observer: { looked: ignore, unkept: ignore },
  });
  const plain = createDecide(parts);
  const kept = createDecide({ ...parts, memory });
  const cache = createAnswerCache({
    limits: { maxEntries: 20, maxBytes: 1_000_000 },
    clock,
    newDecisionId: newId,
    observer: { unstored: ignore },
  });
  const report = (): WatchReport => ({
    epochs: epochs.current(),
    bundle_digest: DIGEST,
    policy_version: '1.0.0',
    freshness: 'fresh',
  });
  cache.watched('pdp', report());
  epochs.onChange(() => cache.watched('pdp', report()));

  return {
    async ask(request) {
      const served = cache.find(request);
      if (served !== undefined) return { substance: substanceOf(served.decision), origin: 'sidecar' };
      const ticket = cache.ticket();
      const before: Epochs = epochs.current();
      const decision = await asked(kept, request);
      const under = { ...before, release_seq: decision.meta.release_seq };
      cache.store({ request, decision, epochs: under, endpoint: 'pdp', ticket });
      return answered(decision);
    },
    askPdp: async (request) => answered(await asked(kept, request)),
    askPlain: async (request) => substanceOf(await asked(plain, request)),
    publish: put,
    trust(agent, level) {
      levels.set(agent, level);
      epochs.advance('trust');
    },
    register(tool, level) {
      tools.set(tool, level);
      epochs.advance('labels');
    },
    label(next) {
      labels = next;
    },
    interrupt() {
      cache.unwatched('pdp');
      cache.watched('pdp', report());
    },
    pass(ms) {
      time += ms;
    },
  };

  function asked(decide: Decide, request: CanonicalRequest): Promise<Decision> {
    return decide({
      caller: { kind: 'gateway', trustDomain: 'test', name: 'edge' },
      subject: { ok: true, value: request },
      claimedDigest: undefined,
      deadline: time + 1_000,
    });
  }
}

function answered(decision: Decision): Answered {
  return { substance: substanceOf(decision), origin: decision.meta.cached ? 'pdp' : 'decided' };
}

function substanceOf({ effect, deny, conditions, obligations, matched, diagnostics }: Decision): Substance {
  return { effect, deny, conditions, obligations, matched, diagnostics };
}
