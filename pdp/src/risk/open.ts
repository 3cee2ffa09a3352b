/** The risk stage that the configuration describes. */

import type { HalfLives, RiskParameters } from '@portcullis/policy/risk';
import type { Clock, Logger, TlsMaterial } from '@portcullis/runtime';
import type { DecisionFollower, Question, RiskAssessor } from '../pipeline/ports.js';
import { redisTls } from '../redis/redis-tls.js';
import { createRiskAssessor } from './assessor.js';
import { createMemoryBaselineStore } from './baselines/memory.js';
import type { BaselineStore, RiskObserver } from './baselines/port.js';
import { createRedisBaselineStore } from './baselines/redis.js';
import { createHabits } from './habits.js';
import type { OutsideAnalyser, OutsideTransport } from './outside/analyser.js';
import { createOutsideAnalysers } from './outside/ask-all.js';
import { createGrpcTransport } from './outside/grpc-transport.js';
import { createHttpTransport } from './outside/http-transport.js';
import type { RiskConfig } from './risk-config.js';

/** What the stage needs besides its configuration. */
export interface RiskParts {
  readonly tls: TlsMaterial;
  readonly log: Logger;
  readonly clock: Clock;
  readonly observer: RiskObserver;
  /** Whether a request that names no session has none. */
  readonly unnamedHaveNone: boolean;
}

/** The stage. */
export interface Risk {
  /** Undefined when the configuration turns it off. */
  readonly assessor: RiskAssessor | undefined;
  readonly followers: readonly DecisionFollower[];
  close(): Promise<void>;
}

const HOUR_MS = 3_600_000;

/** Opens it; nothing that is not there is waited for. */
export function openRisk(config: RiskConfig, parts: RiskParts): Risk {
  const { clock, observer } = parts;
  if (!config.enabled) return { assessor: undefined, followers: [], close: async () => undefined };
  const { required, timeoutMs, maxInFlight } = config.baselines;
  const baselines = openBaselines(config, parts);
  const halfLives = halfLivesOf(config);
  const analysers = openAnalysers(config, parts.tls);
  const { maxAnalyserQuestions: maxQuestions, maxSubjectBytes } = config;
  const assessed = new WeakSet<Question>();
  const assessor = createRiskAssessor({
    assessed,
    parameters: parametersOf(config),
    halfLives,
    baselines,
    baselineTimeoutMs: timeoutMs,
    baselineRequired: required,
    outside:
      analysers.length === 0
        ? undefined
        : createOutsideAnalysers({ analysers, clock, observer, maxInFlight: maxQuestions, maxSubjectBytes }),
    observer,
    clock,
    unnamedHaveNone: parts.unnamedHaveNone,
  });
  const habits = createHabits({ baselines, halfLives, clock, observer, maxInFlight, assessed });
  return {
    assessor,
    followers: [habits],
    close: async () => {
      for (const { transport } of analysers) transport.close();
      await baselines.close();
    },
  };
}

function openAnalysers({ analysers }: RiskConfig, material: TlsMaterial): readonly OutsideAnalyser[] {
  const transportOf = (analyser: RiskConfig['analysers'][number]): OutsideTransport => {
    const { maxAnswerBytes } = analyser;
    if (analyser.type === 'grpc') {
      const { address, serverId } = analyser;
      return createGrpcTransport({ address, serverId, material, maxAnswerBytes });
    }
    const { url, auth } = analyser;
    if (auth.type === 'mtls') return createHttpTransport({ url, auth: { ...auth, material }, maxAnswerBytes });
    const { type, tokenFile, caFile } = auth;
    return createHttpTransport({ url, auth: { type, tokenFile, caFile }, maxAnswerBytes });
  };
  return analysers.map((analyser) => {
    const { name, required, weight, deadlineMs } = analyser;
    return { name, required, weight, deadlineMs, transport: transportOf(analyser) };
  });
}

/** Half-lives after which an agent that is not heard of is forgotten: a sixteenth of its habits is left. */
const FORGOTTEN_AFTER = 4;

function openBaselines(config: RiskConfig, { tls, log }: RiskParts): BaselineStore {
  const { store, timeoutMs } = config.baselines;
  if (store.type === 'memory') return createMemoryBaselineStore(store);
  return createRedisBaselineStore({
    url: store.url,
    ...(store.tls ? { tls: redisTls(tls, store.url) } : {}),
    prefix: store.prefix,
    timeoutMs,
    forgetMs: Math.ceil(FORGOTTEN_AFTER * Math.max(...Object.values(halfLivesOf(config)))),
    log,
  });
}

/** Milliseconds of what is configured in hours and minutes. */
function halfLivesOf({ baselines }: RiskConfig): HalfLives {
  return {
    habitMs: baselines.habitHours * HOUR_MS,
    recentMs: baselines.recentMinutes * 60_000,
    amountMs: baselines.amountHours * HOUR_MS,
  };
}

function parametersOf(config: RiskConfig): RiskParameters {
  const weights = Object.fromEntries(Object.entries(config.weights).filter(([, weight]) => weight !== undefined));
  const lower = (all: readonly string[]): readonly string[] => all.map((label) => label.toLowerCase());
  const { reviewFrom, blockFrom, disabled, minAttempts, minAgeMs, denials, amountLimit } = config;
  return {
    reviewFrom,
    blockFrom,
    disabled,
    minAttempts,
    minAgeMs,
    denials,
    amountLimit,
    burstFactor: config.burstFactor,
    burstFloorPerMinute: config.burstFloorPerMinute,
    weights: weights as RiskParameters['weights'],
    sensitiveLabels: lower(config.sensitiveLabels),
    untrustedLabels: lower(config.untrustedLabels),
  };
}
