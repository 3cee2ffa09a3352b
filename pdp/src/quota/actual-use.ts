/** What a report says a call used, in the units of quotas: tokens and bytes are summed, and tokens are priced. */

import type { PriceList } from '@portcullis/policy';
import { MICROS_PER_UNIT } from '@portcullis/policy';
import type { ReportedUsage } from '@portcullis/proto';
import type { ActualUse } from './port.js';

/**
 * A kind of which the report says nothing stays at its estimate, and so does a cost without a price: the estimate is an upper
 * bound.
 * @param now milliseconds since 1970; the prices of that moment count
 */
export function actualUse(usage: ReportedUsage, prices: PriceList | undefined, now: number): ActualUse {
  const tokens = usage.tokens ?? sumOf(usage.input_tokens, usage.output_tokens, usage.cached_tokens);
  const bytes = usage.bytes ?? sumOf(usage.bytes_in, usage.bytes_out);
  const cost = usage.cost ?? costOf(usage, prices, now);
  return {
    ...(tokens === undefined ? {} : { tokens }),
    ...(bytes === undefined ? {} : { bytes }),
    ...(cost === undefined ? {} : { cost }),
  };
}

/** `undefined` when none of them was measured. */
function sumOf(...parts: readonly (number | undefined)[]): number | undefined {
  const known = parts.filter((part) => part !== undefined);
  return known.length === 0 ? undefined : known.reduce((sum, part) => sum + part, 0);
}

/** Currency units. Without both sides of the conversation, or without the model, nobody can tell. */
function costOf(usage: ReportedUsage, prices: PriceList | undefined, now: number): number | undefined {
  const { input_tokens: input, output_tokens: output, cached_tokens: cached = 0, model, model_provider } = usage;
  if (input === undefined || output === undefined || model === undefined) return undefined;
  const micros = prices?.modelAt(model_provider, model, now)?.costOf({ input, output, cached });
  return micros === undefined ? undefined : micros / MICROS_PER_UNIT;
}
