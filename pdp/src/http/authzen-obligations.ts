/**
 * How an allow that is tied to something is said to a caller, and how a caller says what it can carry out: by our own types, or in the
 * words of the draft "AuthZEN Profile for Obligations" (openid/authzen, profiles/authzen-obligations-profile-1_0, ADR-0037).
 */

import type { JsonObject } from '@portcullis/policy/model';
import type { Json } from '@portcullis/runtime';

/** A condition or obligation that somebody has to carry out. */
export interface Duty {
  readonly type: string;
  readonly value: Json;
}

/** One of the two. */
export interface ObligationWords {
  /** Where a caller says what it can carry out, for reasons. */
  readonly said: string;
  /** What the metadata announces; nothing without the draft. */
  readonly announced: readonly string[];
  /** Whether duties are also listed where nothing is allowed. */
  readonly isSaidOfDenials: boolean;
  /** The duties of which a caller has not said that it can carry them out. */
  beyond(duties: readonly Duty[], context: JsonObject): readonly Duty[];
  /** @param id unique in its answer */
  say(duty: Duty, id: string): JsonObject;
}

/** Ours: types are those of conditions and obligations, and callers list them. */
export const OWN_WORDS: ObligationWords = {
  said: 'context.supported_obligations',
  announced: [],
  isSaidOfDenials: true,
  beyond: (duties, { supported_obligations: supported }) => {
    const able = namesOf(supported);
    return duties.filter(({ type }) => !able.has(type));
  },
  say: ({ type, value }, id) => ({ id, type, properties: { value } }),
};

/** The one type of the draft's registry that any of ours is. */
const CUSTOM = 'custom';
/** Begins what names our obligations inside of a custom one. */
const OBLIGATION_URN = 'urn:portcullis:obligation:';

/**
 * The draft's: every one of ours is `custom`, whose properties name it. A caller that supports `custom` might mean another
 * maker's, and it must not go ahead without ours: so it also lists those it knows, in a member that is ours.
 */
export const DRAFT_WORDS: ObligationWords = {
  said: 'context.supported_custom_obligations',
  announced: [CUSTOM],
  // What is listed must be carried out on a denial as well, and none of ours is for that.
  isSaidOfDenials: false,
  beyond: (duties, { supported_obligations: types, supported_custom_obligations: supported }) => {
    const able = namesOf(types).has(CUSTOM) ? namesOf(supported) : new Set();
    return duties.filter(({ type }) => !able.has(OBLIGATION_URN + type));
  },
  say: ({ type, value }, id) => ({ id, type: CUSTOM, properties: { obligation: OBLIGATION_URN + type, value } }),
};

function namesOf(list: Json | undefined): ReadonlySet<Json> {
  return new Set(Array.isArray(list) ? (list as readonly Json[]) : []);
}
