/** The risk stage that the configuration describes. */

import type { HalfLives, RiskParameters } from '@portcullis/policy/risk';
import type { Clock, Logger, TlsMaterial } from '@portcullis/runtime';
import type { DecisionFollower, RiskAssessor } from '../pipeline/ports.js';
import { redisTls } from '../redis/redis-tls.js';
import { createRiskAssessor } from './assessor.js';
import { createMemoryBaselineStore } from './baselines/memory.js';
import type { BaselineStore, RiskObserver } from './baselines/port.js';
import { createRedisBaselineStore } from './baselines/redis.js';
import { createHabits } from './habits.js';
import type { RiskConfig } from './risk-config.js';

/** What the stage needs besides its configuration. */
export interface RiskParts {
  readonly tls: TlsMaterial;
  readonly log: Logger;
  readonly clock: Clock;
  readonly observer: RiskObserver;
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
  const assessor = createRiskAssessor({
    parameters: parametersOf(config),
    halfLives,
    baselines,
    baselineTimeoutMs: timeoutMs,
    baselineRequired: required,
    outside: undefined,
    observer,
    clock,
  });
  const habits = createHabits({ baselines, halfLives, clock, observer, maxInFlight });
  return { assessor, followers: [habits], close: () => baselines.close() };
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
  const { enabled: _enabled, baselines: _baselines, ...parameters } = config;
  return {
    ...parameters,
    weights: weights as RiskParameters['weights'],
    sensitiveLabels: lower(config.sensitiveLabels),
    untrustedLabels: lower(config.untrustedLabels),
  };
}
