/**
 * Seventh stage: draws on the quotas that the rules met, and turns what their accounts say into the final verdict. A verdict
 * that draws on nothing does not pass through it.
 */

import { applyReadings, type GuardReading } from '@portcullis/policy';
import type { Clock } from '@portcullis/runtime';
import { holderName, reservationKey } from '../quota/key.js';
import type { QuotaObserver, QuotaStore, Reservation } from '../quota/port.js';
import { byDeadline } from './by-deadline.js';
import { type Attempt, type Consented, denied, mintReserved, next, type Reserved, type StageResult } from './chain.js';

/** What the stage needs. */
export interface ReserveParts {
  readonly quotas: QuotaStore;
  readonly clock: Clock;
  readonly observer: Pick<QuotaObserver, 'reserved'>;
}

const nothingHeld = (): void => undefined;

/** The next link at once, for a verdict that draws on nothing; otherwise `undefined`. */
export function unguarded(consented: Consented): Reserved | undefined {
  const { verdict } = consented;
  if (verdict.effect === 'allow' && verdict.guards.length > 0) return undefined;
  return mintReserved({ consented, verdict, giveBack: nothingHeld });
}

/**
 * Resolves by the attempt's deadline. What was reserved and is not acted upon is given back: here, or by whoever denies
 * the decision later, through `giveBack`.
 */
export async function reserve(
  parts: ReserveParts,
  consented: Consented,
  attempt: Attempt,
  decisionId: string,
): Promise<StageResult<Reserved>> {
  const { quotas, clock, observer } = parts;
  const { verdict, adjudicated } = consented;
  const { request, contextual } = adjudicated.assessed;
  const { digest } = contextual.normalized;
  const key = reservationKey({ caller: attempt.caller, request, digest });
  const holder = holderName(attempt.caller, digest, decisionId);
  const giveBack = (): void => void quotas.release(key, holder).catch(nothingHeld);
  const startedAt = clock.monotonic();
  const asked = quotas.reserve({ key, holder, guards: verdict.guards }).catch(() => UNKNOWN);
  const reservation = await byDeadline(asked, attempt.deadline - startedAt);
  observer.reserved(reservation?.outcome ?? 'unknown', (clock.monotonic() - startedAt) / 1000);
  if (reservation === undefined) {
    void asked.then(giveBack);
    return denied('PDP_TIMEOUT', 'the deadline passed before the quotas were known');
  }
  const final = applyReadings(verdict, readingsOf(reservation));
  if (final.effect === 'allow') return next(mintReserved({ consented, verdict: final, giveBack }));
  if (reservation.outcome === 'granted') giveBack();
  return next(mintReserved({ consented, verdict: final, giveBack: nothingHeld }));
}

const UNKNOWN: Reservation = { outcome: 'unknown', cause: 'store', readings: new Map() };
const NO_READINGS: ReadonlyMap<string, GuardReading> = new Map();

/** What is not known is nothing, whatever else the store says. */
function readingsOf(reservation: Reservation): ReadonlyMap<string, GuardReading> {
  return reservation.outcome === 'unknown' ? NO_READINGS : reservation.readings;
}
