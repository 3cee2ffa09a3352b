/** What a call has used, as far as it is known. */

import type { Settlement } from '../../ask/port.js';
import type { Underway } from './attempts.js';
import type { LlmConfig } from './config.js';
import type { Delivered } from './deliver.js';
import type { Usage } from './endpoint.js';

/** What was used, for whom it is settled, and for the metrics. */
export interface Charge {
  /** Nothing when the estimate has to stand. */
  readonly usage: Settlement['usage'];
  /** Nothing when nothing was used. */
  readonly tokens: (Usage & { readonly counted: 'provider' | 'estimate' }) | undefined;
}

/** What never began has used nothing. */
export const NO_CHARGE: Charge = { usage: { tokens: 0, cost: 0 }, tokens: undefined };

/** What a delivered answer has used, or one that broke off somewhere. */
export function chargeOf(
  inference: Underway,
  inputTokens: number,
  delivered: Delivered | undefined,
  { bytesPerToken }: LlmConfig['estimate'],
): Charge {
  if (delivered === undefined) return { usage: undefined, tokens: undefined };
  if (delivered.isRejected) return NO_CHARGE;
  const { input, output } = delivered.usage;
  // What was counted in the middle of an answer is not what it used: providers count from its first event on.
  if (input !== undefined && output !== undefined && delivered.isEnded)
    return { usage: chargedFor(inference, { input, output }), tokens: { input, output, counted: 'provider' } };
  const estimated = {
    input: input ?? inputTokens,
    output: Math.max(output ?? 0, Math.ceil(delivered.outputBytes / bytesPerToken)),
  };
  // Of a stream that was cut here, the rest of what was reserved is free again.
  const usage = delivered.isCut ? chargedFor(inference, estimated) : undefined;
  return { usage, tokens: { ...estimated, counted: 'estimate' } };
}

/** Tokens, and of which model: what they cost is for the bundle's prices to say. */
export function chargedFor(
  { served }: Pick<Underway, 'served'>,
  { input, output }: Usage,
): NonNullable<Settlement['usage']> {
  return {
    input_tokens: input,
    output_tokens: output,
    model: served.model,
    model_provider: served.provider.name,
  };
}
