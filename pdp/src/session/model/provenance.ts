import type { Provenance } from '@portcullis/policy/model';
import { addressesIn, isPlainlyAddress } from './addresses.js';
import type { Intent } from './intents.js';
import { codedReadings, hasLeafWithAll, isLeaf, isUrged, isWithin, singleWords } from './memory.js';
import type { SessionState, Source } from './state.js';
import type { SpokenValue } from './values.js';
import { CODED_WORD, type WordCodes, wordsOf } from './words.js';

/** Labels of values (`facts.provenance[any].labels`). */
export const VALUE_LABELS = {
  /** Stands in what anybody may have written, or in an answer that such text asked for. */
  untrusted: 'untrusted',
  /** The words of the service itself or the user's own data. */
  trusted: 'trusted',
  /** Stands alone where a service put it, in an answer to what the user or the agent asked. */
  field: 'field',
  /** Somebody else's sentence speaks of it together with what the tool does. */
  urged: 'urged',
  /** A person approved it for this tool. */
  endorsed: 'endorsed',
  /** A text that carries an address or account number which is untrusted, or which nobody gave. */
  carriesUntrusted: 'carries_untrusted_address',
} as const;

/** `user`: the user's own words. `agent`: nobody's but the agent's. `unknown`: what was forgotten could have brought it. */
export const USER = 'user';
const AGENT = 'agent';
const UNKNOWN = 'unknown';

/** Where a value came from. */
export type Origin = Pick<Provenance, 'origin' | 'labels'>;

/** What is asked of the session, for one request. */
export interface Memory {
  readonly state: SessionState;
  readonly codes: WordCodes;
  /** `tool:<server>/<name>` of the request. */
  readonly tool: string;
  /** What the tool does. */
  readonly intents: readonly Intent[];
}

/** Texts with more words are of unknown origin: to find out would take longer than a decision may. */
const MAX_WORDS = 256;
/** A text with more addresses carries untrusted ones. */
const MAX_ADDRESSES = 32;
/** Shorter words are too common to tell anything. */
const MIN_TELLING = 3;
/** A message with fewer words is a place or a name that was looked up, more often than one that somebody wants sent. */
const MIN_MESSAGE = 5;
/** Numbers that stand anywhere by chance. */
const WEAK = /^\d{1,3}$/u;

/** The origin of one value. */
export function originOf(memory: Memory, { argument, role, value }: SpokenValue): Origin {
  const text = String(value);
  const isExact = role === 'destination' || role === 'credential';
  const { origin, labels } = originOfText(memory, text, isExact);
  const more = [
    ...(isUrgedByOthers(memory, text, origin, role === 'payload' ? MIN_MESSAGE : 0) ? [VALUE_LABELS.urged] : []),
    ...(role === 'payload' && origin !== USER && carriesForeignAddress(memory, text)
      ? [VALUE_LABELS.carriesUntrusted]
      : []),
    ...(isEndorsed(memory, argument, text) ? [VALUE_LABELS.endorsed] : []),
  ];
  return more.length === 0 ? { origin, labels } : { origin, labels: [...labels, ...more] };
}

/** What somebody else's sentence asks to use in this way may be theirs to choose, wherever else it stands. */
function isUrgedByOthers({ state, codes, intents }: Memory, text: string, origin: string, minWords: number): boolean {
  if (intents.length === 0 || (origin === USER && !WEAK.test(text)) || wordsOf(text).length < minWords) return false;
  const readings = readingsUpTo(text, codes);
  return state.sources.some(
    ({ belief, words }) => belief === 'prose' && readings.some((coded) => isUrged(words, coded, intents)),
  );
}

function carriesForeignAddress(memory: Memory, text: string): boolean {
  const addresses = addressesIn(text);
  if (addresses.length > MAX_ADDRESSES) return true;
  return addresses.some((address) => {
    const { origin, labels } = originOfText(memory, address, true);
    // One that nobody gave was made up, or put together from a description of it.
    return labels.includes(VALUE_LABELS.untrusted) || (origin === AGENT && isPlainlyAddress(address));
  });
}

function originOfText({ state, codes }: Memory, text: string, isExact: boolean): Origin {
  const words = wordsOf(text);
  if (words.length > MAX_WORDS) return { origin: UNKNOWN, labels: [VALUE_LABELS.untrusted] };
  const readings = readingsUpTo(text, codes);
  const isKnown = (known: string): boolean => readings.some((coded) => isWithin(known, coded));
  if (isKnown(state.user)) return { origin: USER, labels: [] };
  const clean = state.sources.filter((source) => !isHearsay(source));
  const trusted = clean.find(({ belief, words: known }) => belief === 'trusted' && isKnown(known));
  if (trusted !== undefined) return { origin: trusted.origin, labels: [VALUE_LABELS.trusted] };
  const field = clean.find(({ words: known }) => readings.some((coded) => isLeaf(known, coded)));
  if (field !== undefined) return { origin: field.origin, labels: [VALUE_LABELS.field] };
  const said = state.sources.find((source) => isHearsay(source) && isKnown(source.words));
  if (said !== undefined) return { origin: said.origin, labels: [VALUE_LABELS.untrusted] };
  const composed = composedOrigin(state, words, isExact, codes);
  if (composed !== undefined) return composed;
  return state.overflow ? { origin: UNKNOWN, labels: [VALUE_LABELS.untrusted] } : { origin: AGENT, labels: [] };
}

/**
 * A value that nobody said as a whole: from whom are its words? Composed of the user's and of fields, it is as good as they
 * are; when one sentence of somebody else has all that is left over, it is theirs.
 */
function composedOrigin(
  state: SessionState,
  words: readonly string[],
  isExact: boolean,
  codes: WordCodes,
): Origin | undefined {
  const telling = singleWords(codes.encode(words.filter((word) => word.length >= MIN_TELLING)));
  if (telling.length === 0) return undefined;
  const foreign = telling.filter((word) => !isWithin(state.user, word));
  if (foreign.length === 0) return isExact ? undefined : { origin: USER, labels: [] };
  const clean = state.sources.filter((source) => !isHearsay(source));
  const unknown = foreign.filter((word) => !clean.some((source) => isWithin(source.words, word)));
  if (unknown.length > 0) {
    const said = state.sources.find((source) => isHearsay(source) && hasLeafWithAll(source.words, unknown));
    return said === undefined ? undefined : { origin: said.origin, labels: [VALUE_LABELS.untrusted] };
  }
  const field = clean.find((source) => foreign.some((word) => isWithin(source.words, word)));
  return isExact || field === undefined ? undefined : { origin: field.origin, labels: [VALUE_LABELS.field] };
}

function readingsUpTo(text: string, codes: WordCodes): readonly string[] {
  return codedReadings(text, codes).filter((coded) => coded !== '' && coded.length <= MAX_WORDS * CODED_WORD);
}

function isHearsay({ belief, steered }: Source): boolean {
  return belief === 'prose' || steered;
}

function isEndorsed({ state, codes, tool }: Memory, argument: string, text: string): boolean {
  const readings = readingsUpTo(text, codes);
  const name = endorsedName(tool, argument);
  return state.endorsed.some(({ target, words }) => target === name && readings.some((coded) => isLeaf(words, coded)));
}

/** What an approved value was approved for. */
export function endorsedName(tool: string, argument: string): string {
  return `${tool} ${argument}`;
}
