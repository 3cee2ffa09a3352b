import type { PastAttempt } from '@portcullis/policy/model';

/**
 * The caps of a session. What overflows makes the session less trusted, never more: when words had to be left out, every value
 * that is not known to be the user's or a trusted tool's is of unknown origin; forgotten attempts leave their labels behind.
 */
export const SESSION_CAPS = {
  /** Past attempts that are remembered; older ones are forgotten. */
  attempts: 256,
  /** Words of the user that count as the user's; later ones do not. */
  userWords: 4_096,
  /** Words of results and endorsements; later ones are left out. */
  words: 16_384,
  /** Tools whose results are told apart; the results of further ones are left out. */
  sources: 128,
  /** Labels; further ones are left out. */
  labels: 64,
  /** Tools in a scope; a longer scope is empty. */
  scopeTools: 256,
  /** Values of a request that provenance is worked out for; further ones are of unknown origin. */
  values: 512,
  /** Destinations that are told apart when they are counted; more count as this many. */
  destinations: 256,
  /** Operations that wait for a code, and attempts that wait for a result; older ones are forgotten. */
  open: 128,
  /** Approved values; older ones are forgotten. */
  endorsed: 256,
} as const;

/**
 * How a part of a result is to be believed. `trusted`: the service's own words, or the user's own data. `field`: a value that
 * stands alone where the service put it. `prose`: what anyone may have written.
 */
export type Belief = 'trusted' | 'field' | 'prose';

/**
 * What one tool has brought. The words are codes (see `WordCodes`), each leaf between bars, prose by sentences; before the
 * first word of a sentence stands a letter for each kind of action that it speaks of.
 */
export interface Source {
  /** `tool:<server>/<name>`. */
  readonly origin: string;
  readonly belief: Belief;
  /** Whether what was asked for came from somebody else's prose, so that the answer is theirs to choose. */
  readonly steered: boolean;
  readonly words: string;
}

/** An allowed attempt whose result is still to come, and how that is to be believed. Arguments are not kept. */
export interface Expected {
  /** `<origin> <context.request_id>`. */
  readonly attempt: string;
  readonly steered: boolean;
  /** Whether it fetches what somebody made: see `isFetch`. */
  readonly isDocument: boolean;
}

/** What is remembered of a session. JSON; bounded by {@link SESSION_CAPS}, about 150 kB; opaque to whoever keeps it. */
export interface SessionState {
  readonly format: 1;
  /** Counts changes that may change a fact: goes up by one with each of them. */
  readonly epoch: number;
  /** Whether something had to be left out. */
  readonly overflow: boolean;
  readonly labels: readonly string[];
  readonly attempts: readonly PastAttempt[];
  /** The user's words, as codes. */
  readonly user: string;
  /** Names that the user's words have, as codes. */
  readonly named: string;
  /** Names and addresses of the user, as codes; they are among the user's words too. */
  readonly self: string;
  /** Kinds of action that the user's words ask for. */
  readonly intents: readonly string[];
  /** Tools of the declared scope; absent when none was declared. */
  readonly scope?: readonly string[];
  /** Code of the last task that a request came with. */
  readonly task: string;
  readonly sources: readonly Source[];
  readonly expected: readonly Expected[];
  /** What people approved: values by the tool and argument that they were approved for. */
  readonly endorsed: readonly { readonly target: string; readonly words: string }[];
  /** Servers, each as often as it has allowed operations that wait for a code it sent. */
  readonly pending: readonly string[];
  /** Added up over the allowed attempts, by name. */
  readonly totals: { readonly [name: string]: number };
  /** Codes of the destinations of allowed attempts. */
  readonly destinations: readonly string[];
}

/** A session of which nothing is known yet. */
export function emptySession(): SessionState {
  return {
    format: 1,
    epoch: 0,
    overflow: false,
    labels: [],
    attempts: [],
    user: '',
    named: '',
    self: '',
    pending: [],
    task: '',
    expected: [],
    intents: [],
    sources: [],
    endorsed: [],
    totals: {},
    destinations: [],
  };
}
