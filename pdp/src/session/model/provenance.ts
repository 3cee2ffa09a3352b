import type { Provenance } from '@portcullis/policy/model';
import { intentsOf } from './intents.js';
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
  /** A text that carries an address or account number which is untrusted. */
  carriesUntrusted: 'carries_untrusted_address',
} as const;

/** `user`: the user's own words. `agent`: nobody's but the agent's. */
export const USER = 'user';
export const AGENT = 'agent';

/** Where a value came from, or nothing when what was forgotten could have brought it. */
export type Origin = Pick<Provenance, 'origin' | 'labels'>;

const ADDRESS =
  /[\p{L}\p{N}._%+-]+@[\p{L}\p{N}.-]+\.\p{L}{2,}|(?:https?:\/\/|www\.)[^\s'"<>)]+|(?<![\p{L}\p{N}.-])(?:[\p{L}\p{N}-]+\.)+(?:com|org|net|io|dev|app|info|biz|co|me|ru|cn|xyz|site|online|top|link|click)(?:\/[^\s'"<>)]*)?(?![\p{L}\p{N}])|(?<![\p{L}\p{N}])\p{Lu}{2}\d{2}[\p{Lu}\d]{8,30}(?![\p{L}\p{N}])/gu;

/** The origin of one value. */
export function originOf(
  state: SessionState,
  { role, value }: SpokenValue,
  tool: string,
  codes: WordCodes,
): Origin | undefined {
  const text = String(value);
  const origin = withUrging(
    state,
    text,
    tool,
    originOfText(state, text, role !== 'destination' && role !== 'credential', codes),
    codes,
  );
  if (isEndorsed(state, text, tool, codes)) {
    return { origin: origin?.origin ?? AGENT, labels: [...(origin?.labels ?? []), VALUE_LABELS.endorsed] };
  }
  if (role !== 'payload' || origin === undefined || origin.origin === USER) return origin;
  const carries = [...text.matchAll(ADDRESS)].some(([address]) => {
    const found = originOfText(state, address, false, codes);
    return found === undefined || found.labels.includes(VALUE_LABELS.untrusted);
  });
  return carries ? { ...origin, labels: [...origin.labels, VALUE_LABELS.carriesUntrusted] } : origin;
}

/** A field that somebody else's sentence asks to use in this way may be theirs to choose. */
function withUrging(
  state: SessionState,
  text: string,
  tool: string,
  origin: Origin | undefined,
  codes: WordCodes,
): Origin | undefined {
  if (
    origin === undefined ||
    (origin.origin === USER && !isWeak(text)) ||
    origin.labels.includes(VALUE_LABELS.untrusted)
  )
    return origin;
  const intents = intentsOf(tool.slice(tool.lastIndexOf('/') + 1));
  const readings = codedReadings(text, codes).filter((coded) => coded !== '');
  const isAsked = state.sources.some(
    ({ belief, words }) => belief === 'prose' && readings.some((coded) => isUrged(words, coded, intents)),
  );
  return isAsked ? { ...origin, labels: [...origin.labels, VALUE_LABELS.urged] } : origin;
}

/** Numbers that stand anywhere by chance. */
function isWeak(text: string): boolean {
  return /^\d{1,3}$/u.test(text);
}

function originOfText(state: SessionState, text: string, mayBeComposed: boolean, codes: WordCodes): Origin | undefined {
  const readings = codedReadings(text, codes).filter((coded) => coded !== '');
  if (readings.length === 0) return { origin: AGENT, labels: [] };
  if (readings.some((coded) => isWithin(state.user, coded))) return { origin: USER, labels: [] };
  const trusted = state.sources.find(
    ({ belief, steered, words }) =>
      belief === 'trusted' && !steered && readings.some((coded) => isWithin(words, coded)),
  );
  if (trusted !== undefined) return { origin: trusted.origin, labels: [VALUE_LABELS.trusted] };

  const said = state.sources.find(
    (source) => isHearsay(source) && readings.some((coded) => isWithin(source.words, coded)),
  );
  const field = state.sources.find(
    ({ belief, steered, words }) => belief === 'field' && !steered && readings.some((coded) => isLeaf(words, coded)),
  );
  if (field !== undefined) return { origin: field.origin, labels: [VALUE_LABELS.field] };
  if (said !== undefined) return { origin: said.origin, labels: [VALUE_LABELS.untrusted] };
  const composed = composedOrigin(state, text, mayBeComposed, codes);
  if (composed !== undefined) return composed;
  return state.overflow ? undefined : { origin: AGENT, labels: [] };
}

/**
 * A value that nobody said as a whole: from whom are its words? Composed of the user's and of fields, it is as good as they
 * are; when one sentence of somebody else has all that is left over, it is theirs.
 */
function composedOrigin(
  state: SessionState,
  text: string,
  mayBeComposed: boolean,
  codes: WordCodes,
): Origin | undefined {
  const words = wordsOf(text).filter((word) => word.length >= MIN_TELLING);
  if (words.length === 0) return undefined;
  const foreign = singleWords(codes.encode(words)).filter((word) => !isWithin(state.user, word));
  if (foreign.length === 0) return mayBeComposed ? { origin: USER, labels: [] } : undefined;
  const fields = state.sources.filter((source) => !isHearsay(source));
  const unknown = foreign.filter((word) => !fields.some((source) => isWithin(source.words, word)));
  if (unknown.length > 0) {
    const said = state.sources.find((source) => isHearsay(source) && hasLeafWithAll(source.words, unknown));
    return said === undefined ? undefined : { origin: said.origin, labels: [VALUE_LABELS.untrusted] };
  }
  const [first] = fields.filter((source) => foreign.some((word) => isWithin(source.words, word)));
  return mayBeComposed && first !== undefined ? { origin: first.origin, labels: [VALUE_LABELS.field] } : undefined;
}

/** Shorter words are too common to tell anything. */
const MIN_TELLING = 3;

function isHearsay({ belief, steered }: Source): boolean {
  return belief === 'prose' || steered;
}

function isEndorsed(state: SessionState, text: string, tool: string, codes: WordCodes): boolean {
  const readings = codedReadings(text, codes).filter((coded) => coded.length >= CODED_WORD);
  return state.endorsed.some(({ origin, words }) => origin === tool && readings.some((coded) => isLeaf(words, coded)));
}
