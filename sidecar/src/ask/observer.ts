/** What the PDP client tells the outside about itself; metrics implement it. */

import type { DecisionEffect } from '@portcullis/policy/model';
import type { Epochs } from '@portcullis/proto';
import type { AskFailureCode } from './port.js';

/** How an ask ended: with a decision of this effect, or with a failure of this code. Closed, fit for a label. */
export type AskOutcome = DecisionEffect | AskFailureCode;

/** The breaker's states. `shutdown` is final. */
export const BREAKER_STATES = ['closed', 'open', 'half_open', 'shutdown'] as const;
/** A state of the breaker. */
export type BreakerState = (typeof BREAKER_STATES)[number];

/**
 * The states of one PDP as this client sees it: `connecting` (no usable stream), `up`, `suspect` (an answer is
 * overdue; only probed until it answers), `closed` (final).
 */
export const ENDPOINT_STATES = ['connecting', 'up', 'suspect', 'closed'] as const;
/** A state of one PDP. */
export type EndpointState = (typeof ENDPOINT_STATES)[number];

/** Verbs, not instruments. An observer that throws is logged and otherwise ignored. */
export interface AskObserver {
  /** An ask ended; `seconds` from the call of `ask` to its answer. */
  asked(outcome: AskOutcome, seconds: number, cached: boolean): void;
  /** A question was also sent to another PDP because the first one is overdue. */
  hedged(): void;
  breakerChanged(state: BreakerState): void;
  /** `endpoint` is `host:port` as configured. */
  endpointChanged(endpoint: string, state: EndpointState): void;
  /** A PDP reported its epochs. */
  epochs(endpoint: string, epochs: Epochs): void;
  /** How much people have answered at a PDP, as it reported it; `undefined` while it is not watched. */
  answers(endpoint: string, count: number | undefined): void;
  /** `count` settlements were given up. */
  settleDropped(count: number): void;
  /** `count` allows that this sidecar gave itself were not recorded when it ended. */
  reusesLost(count: number): void;
  /** `count` attempts that were refused here are on no record. */
  refusalsLost(count: number): void;
}

/** Observes nothing. */
export const silentObserver: AskObserver = Object.freeze({
  asked: () => undefined,
  hedged: () => undefined,
  breakerChanged: () => undefined,
  endpointChanged: () => undefined,
  epochs: () => undefined,
  answers: () => undefined,
  settleDropped: () => undefined,
  reusesLost: () => undefined,
  refusalsLost: () => undefined,
});

/** An observer whose verbs never throw: a defect in a metric must not cost an answer. */
export function shieldObserver(inner: AskObserver, report: (error: unknown) => void): AskObserver {
  const shield =
    <A extends readonly unknown[]>(verb: (...args: A) => void) =>
    (...args: A): void => {
      try {
        verb(...args);
      } catch (error) {
        report(error);
      }
    };
  return {
    asked: shield((outcome, seconds, cached) => inner.asked(outcome, seconds, cached)),
    hedged: shield(() => inner.hedged()),
    breakerChanged: shield((state) => inner.breakerChanged(state)),
    endpointChanged: shield((endpoint, state) => inner.endpointChanged(endpoint, state)),
    epochs: shield((endpoint, epochs) => inner.epochs(endpoint, epochs)),
    answers: shield((endpoint, count) => inner.answers(endpoint, count)),
    settleDropped: shield((count) => inner.settleDropped(count)),
    reusesLost: shield((count) => inner.reusesLost(count)),
    refusalsLost: shield((count) => inner.refusalsLost(count)),
  };
}
