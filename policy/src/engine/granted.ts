import type { Granted } from './resolve.js';

/** The field with what people have agreed to; only a PDP sets it (contracts §7). */
export const GRANTED_FIELD = 'context.approval.granted';

const NOBODY: Granted = new Set();

/** The holds that a reading of {@link GRANTED_FIELD} names; anything but a list of texts names none. */
export function grantedOf(reading: unknown): Granted {
  if (!Array.isArray(reading)) return NOBODY;
  return new Set((reading as readonly unknown[]).filter((hold) => typeof hold === 'string'));
}
