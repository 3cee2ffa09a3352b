/**
 * The circuit breaker in front of the PDP cluster: opossum, configured around its traps and wrapped so that every state
 * other than "closed" denies. There is no fallback, no cache, no coalescing, no capacity and no error filter in it.
 */

import CircuitBreaker from 'opossum';
import type { PdpConfig } from './config.js';
import type { BreakerState } from './observer.js';
import type { AskFailureCode } from './port.js';
import type { Outcome } from './question.js';

/** Work that the circuit counts. Must not reject for a reason of its own: what goes wrong is in the outcome. */
export type Guarded = () => Promise<Outcome>;

/** The circuit itself; separate from the wrapper so that a test can put it into any state. */
export type Circuit = CircuitBreaker<[Guarded], Outcome>;

/** Decides whether the cluster is asked at all. */
export interface Breaker {
  readonly state: BreakerState;
  /** Why nothing may be asked now; `undefined` when the circuit is closed. */
  readonly refusal: Outcome | undefined;
  /** Runs `ask` when the circuit is closed; otherwise refuses at once without running it. Never rejects. */
  run(ask: Guarded): Promise<Outcome>;
  /** Refuses from now on. */
  close(): void;
}

/** What a breaker needs. */
export interface BreakerOptions {
  readonly circuit: Circuit;
  readonly config: PdpConfig;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** Whether any PDP answers; asked when the circuit is half open, so that no user's question has to find out. */
  readonly probe: () => Promise<boolean>;
  /** Whether any PDP decided anything, if only too late, since a time in monotonic milliseconds. */
  readonly aliveSince: (time: number) => boolean;
  readonly changed: (state: BreakerState) => void;
}

/** Carries an outcome through opossum as a failure. */
class Tripped extends Error {
  readonly outcome: Outcome;

  constructor(outcome: Outcome) {
    super('the cluster did not answer');
    this.outcome = outcome;
  }
}

const BUCKETS = 10;

/** The circuit with the settings of the fault matrix; none of them can be turned into a way past it. */
export function createCircuit(config: PdpConfig): Circuit {
  const { breaker } = config;
  return new CircuitBreaker<[Guarded], Outcome>(
    async (ask) => {
      const outcome = await ask();
      if (outcome.trips) throw new Tripped(outcome);
      return outcome;
    },
    {
      name: 'pdp',
      // Second net only: our own deadline is shorter. Below resetTimeout, so a question from before an outage cannot
      // close a half-open circuit.
      timeout: config.deadlineMs + (breaker.resetTimeoutMs - config.deadlineMs) / 2,
      resetTimeout: breaker.resetTimeoutMs,
      errorThresholdPercentage: breaker.errorThresholdPercentage,
      volumeThreshold: breaker.volumeThreshold,
      rollingCountTimeout: breaker.rollingWindowMs,
      rollingCountBuckets: BUCKETS,
      rollingPercentilesEnabled: false,
      enableSnapshots: false,
    },
  );
}

function denial(code: AskFailureCode, message: string): Outcome {
  return { answer: { kind: 'failure', failure: { code, message } }, trips: false };
}

const OPEN = denial('PDP_BREAKER_OPEN', 'the policy decision points failed recently and are not asked');
const CLOSED = denial('SHUTTING_DOWN', 'the policy client is closed');
const LATE = denial('PDP_TIMEOUT', 'no policy decision point answered in time');
const DEFECT = denial('INTERNAL_ERROR', 'the question could not be asked');

/** The wrapper. Closes over its own idea of "may ask": closed, enabled and not shut down. */
export function createBreaker(options: BreakerOptions): Breaker {
  const { circuit, config, probe, changed } = options;
  const streak = { length: 0, since: 0 };

  const state = (): BreakerState => {
    if (circuit.isShutdown) return 'shutdown';
    if (circuit.closed) return circuit.enabled ? 'closed' : 'open';
    return circuit.halfOpen ? 'half_open' : 'open';
  };
  circuit.on('open', () => {
    changed('open');
  });
  circuit.on('close', () => {
    streak.length = 0;
    changed('closed');
  });
  circuit.on('halfOpen', () => {
    changed('half_open');
    // A half-open circuit lets one call through. This takes that place before anyone else can.
    circuit.fire(async () => ({ ...OPEN, trips: !(await probe().catch(() => false)) })).catch(() => undefined);
  });

  const refusal = (): Outcome | undefined => {
    const now = state();
    if (now === 'closed') return undefined;
    return now === 'shutdown' ? CLOSED : OPEN;
  };
  // The window forgives an outage for as long as it remembers better times: seconds, at a high rate. As many failures
  // in a row as the volume asks for, and nothing else, leave no doubt. They must also be spread over more than two
  // deadlines: after a stall of our own process, everything that was in flight fails at once. PDPs that decide, but too
  // late, get as long as the breaker would stay open: to shut for a shorter overload costs more calls than the overload.
  const tripped = (): void => {
    const now = options.now();
    if (streak.length === 0) streak.since = now;
    streak.length += 1;
    if (streak.length < config.breaker.volumeThreshold || !circuit.closed) return;
    const patience = options.aliveSince(streak.since) ? config.breaker.resetTimeoutMs : 2 * config.deadlineMs;
    if (now - streak.since >= patience) circuit.open();
  };

  return {
    get state() {
      return state();
    },
    get refusal() {
      return refusal();
    },
    async run(ask) {
      const refused = refusal();
      if (refused !== undefined) return refused;
      try {
        const outcome = await circuit.fire(ask);
        streak.length = 0;
        return outcome;
      } catch (error) {
        if (circuit.isShutdown) return error instanceof Tripped ? error.outcome : CLOSED;
        tripped();
        if (error instanceof Tripped) return error.outcome;
        return codeOf(error) === 'ETIMEDOUT' ? LATE : DEFECT;
      }
    },
    close() {
      if (circuit.isShutdown) return;
      circuit.shutdown();
      changed('shutdown');
    },
  };
}

function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
}
