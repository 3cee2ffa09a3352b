import type { GuardReading } from '@portcullis/policy';
import type { QuotaGuard } from '@portcullis/policy/model';
import type { WrittenReading } from './suite-schema.js';

/**
 * What a keeper of accounts would answer for each guard if it stood as the test says. A quota that the test does not
 * speak of is unused. A request of unknown use fits as long as anything is left.
 */
export function readingsOf(
  guards: readonly QuotaGuard[],
  written: { readonly [policy: string]: WrittenReading },
): ReadonlyMap<string, GuardReading> {
  return new Map(
    guards.map((guard) => {
      const reading = written[`${guard.layer}/${guard.policy}`] ?? written[guard.policy] ?? 0;
      return [guard.id, readingOf(guard, reading)];
    }),
  );
}

function readingOf(guard: QuotaGuard, written: WrittenReading): GuardReading {
  if (written === 'unknown') return { state: 'unknown' };
  const { used, frees_at } = typeof written === 'number' ? { used: written, frees_at: undefined } : written;
  const fits = used < guard.limit && used + (guard.estimate ?? 0) <= guard.limit;
  if (fits) return { state: 'granted' };
  return { state: 'exceeded', used, ...(frees_at === undefined ? {} : { frees_at }) };
}
