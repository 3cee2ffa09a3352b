import { z } from 'zod';
import { QUOTA_DIMENSIONS, type QuotaDimension } from '../model/decision.js';
import { wordOf } from './config-values.js';
import { MAX_WINDOW_SECONDS } from './rate-limit.js';

/** The length of a quota's window. */
export function windowSeconds(): z.ZodInt {
  return z.int().min(1).max(MAX_WINDOW_SECONDS).describe('Length of the window, in seconds.');
}

/** Whose use is added up: one account per combination of values. */
export function accountsPer(): z.ZodArray<z.ZodType<QuotaDimension>> {
  return z.array(wordOf(QUOTA_DIMENSIONS)).min(1).max(QUOTA_DIMENSIONS.length);
}
