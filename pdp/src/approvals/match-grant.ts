import type { JsonObject } from '@portcullis/policy/model';
import { argumentDigests } from './binding.js';
import type { Grant, Need } from './port.js';
import { covers } from './states.js';

/** A request that a grant may stand for. */
export interface GrantQuestion {
  readonly needs: readonly Need[];
  readonly definition: string;
  readonly arguments: JsonObject | undefined;
}

/** Amounts are kept in millionths: what is more exact is rounded up. */
const MICROS = 1_000_000;

/**
 * How many millionths of its budget a request of its target would draw on a grant, 0 without a budget; `undefined` when
 * the grant is not for this request. Every argument must have the granted value, except those that may vary.
 */
export function drawOn(grant: Grant, question: GrantQuestion): number | undefined {
  if (grant.definition !== question.definition || !covers(grant.needs, question.needs)) return undefined;
  const digests = argumentDigests(question.arguments);
  for (const [name, digest] of Object.entries(grant.arguments)) if (digests[name] !== digest) return undefined;
  for (const name of Object.keys(digests)) {
    if (!Object.hasOwn(grant.arguments, name) && !grant.vary.includes(name)) return undefined;
  }
  return grant.budget === undefined ? 0 : microsOf(question.arguments?.[grant.budget.argument]);
}

/** `undefined` for what is not an amount that can be added up exactly. */
export function microsOf(amount: unknown): number | undefined {
  if (typeof amount !== 'number' || !(amount >= 0)) return undefined;
  const micros = Math.ceil(amount * MICROS);
  return Number.isSafeInteger(micros) ? micros : undefined;
}
