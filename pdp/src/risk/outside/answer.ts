/** What an analyser outside may say; anything else is no answer. */

import type { WeighedFinding } from '@portcullis/policy/risk';
import { OVERALL, unit } from '@portcullis/policy/risk';
import { z } from 'zod';

const name = z.string().regex(/^[a-z][a-z0-9_]{0,63}$/);
const share = z.number().min(0).max(1);
const detail = z.union([z.string().max(256), z.number(), z.boolean()]);

const answer = z.strictObject({
  signals: z
    .array(
      z.strictObject({
        signal_type: name,
        score: share,
        details: z
          .record(name, detail)
          .refine((details) => Object.keys(details).length <= 16)
          .optional(),
      }),
    )
    .max(32)
    .default([]),
  risk_dimensions: z
    .record(name, share)
    .refine((dimensions) => Object.keys(dimensions).length <= 32 && !(OVERALL in dimensions))
    .default({}),
});

/**
 * What it found, or `undefined` when it is not an answer. Nothing in an answer can lower a risk: scores only add, and there is
 * no decision in it.
 */
export function findingsOf(
  value: unknown,
  { name: source, weight }: { readonly name: string; readonly weight: number },
): readonly WeighedFinding[] | undefined {
  const checked = answer.safeParse(value);
  if (!checked.success) return undefined;
  const { signals, risk_dimensions } = checked.data;
  const found = signals
    .filter(({ score }) => score > 0)
    .map(
      ({ signal_type, score, details }): WeighedFinding => ({
        signalType: signal_type,
        score: unit(score),
        weight,
        dimensions: {},
        details: { ...details, source },
      }),
    );
  const dimensions = Object.entries(risk_dimensions).filter(([, value]) => value > 0);
  if (dimensions.length === 0) return found;
  return [
    ...found,
    {
      signalType: source,
      score: unit(Math.max(...dimensions.map(([, value]) => value))),
      // The dimensions speak for themselves; what is wrong as a whole the signals say.
      weight: 0,
      dimensions: Object.fromEntries(scaled(dimensions, weight)),
      details: { source },
    },
  ];
}

/** So that score times weight is what was said times the analyser's weight. */
function scaled(
  dimensions: readonly (readonly [string, number])[],
  weight: number,
): readonly (readonly [string, number])[] {
  const most = Math.max(...dimensions.map(([, value]) => value));
  return dimensions.map(([dimension, value]) => [dimension, (value / most) * weight] as const);
}
