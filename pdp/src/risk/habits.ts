/** Learns what agents usually do, after they are answered. Nobody waits for it, and nothing is decided by it alone. */

import { type HalfLives, incrementsOf } from '@portcullis/policy/risk';
import type { Clock } from '@portcullis/runtime';
import type { DecisionFollower, Question } from '../pipeline/ports.js';
import type { BaselineStore, RiskObserver } from './baselines/port.js';

/** What it is made of. */
export interface HabitParts {
  readonly baselines: BaselineStore;
  readonly halfLives: HalfLives;
  readonly clock: Clock;
  readonly observer: Pick<RiskObserver, 'riskObserved'>;
  /** Observations under way at once; more are dropped and counted. */
  readonly maxInFlight: number;
  /** Questions whose risk was looked at: releases that do not read it do not pay for what agents usually do, either. */
  readonly assessed: Pick<WeakSet<Question>, 'has'>;
}

/** Builds the follower. */
export function createHabits(parts: HabitParts): DecisionFollower {
  const { baselines, halfLives, clock, observer, maxInFlight, assessed } = parts;
  let inFlight = 0;
  return {
    follows: (question) => assessed.has(question),
    decided: (_question, request, decision) => {
      if (inFlight >= maxInFlight) {
        observer.riskObserved('dropped');
        return;
      }
      inFlight += 1;
      const agent = { tenant: request.tenant_id, agent: request.agent.id };
      const increments = incrementsOf(request, decision.allow, halfLives);
      void baselines
        .observe(agent, increments, clock.now())
        .then(
          () => observer.riskObserved('kept'),
          () => observer.riskObserved('failed'),
        )
        .finally(() => {
          inFlight -= 1;
        });
    },
  };
}
