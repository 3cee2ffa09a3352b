import { spokenDays } from './dates.js';
import { INTENTS, type Intent, intentsOf } from './intents.js';
import { type Belief, SESSION_CAPS, type SessionState, type Source } from './state.js';
import { CODED_WORD, otherReadings, type WordCodes, wordsOf } from './words.js';

/** Stands between leaves, where no code and no dot can. */
const BAR = '|';

/** The user's words with those of one more text. What does not fit is not the user's, which only narrows. */
export function withText(known: string, text: string, codes: WordCodes): string {
  let words = known;
  for (const reading of readingsOf(text)) {
    const room = SESSION_CAPS.userWords - countWords(words);
    words = joined(words, codes.encode(reading.slice(0, Math.max(0, room))));
  }
  return words;
}

/** Where a leaf of a result belongs. */
export interface Placing {
  readonly origin: string;
  readonly belief: Belief;
  readonly steered: boolean;
}

/** Takes leaves in and gives the state with them. One that does not fit sets `overflow`. */
export function remember(
  state: SessionState,
  leaves: readonly { readonly placing: Placing; readonly text: string }[],
  codes: WordCodes,
): SessionState {
  const sources = new Map(state.sources.map((source) => [keyOf(source), source] as const));
  let overflow = state.overflow;
  let room = SESSION_CAPS.words - state.sources.reduce((sum, { words }) => sum + countWords(words), 0);
  for (const { placing, text } of leaves) {
    const key = keyOf(placing);
    const source = sources.get(key);
    for (const { reading, mark } of storedReadings(text, placing.belief)) {
      const words = codes.encode(reading);
      const coded = words === '' ? '' : `${mark}${words}`;
      if (coded === '' || (source ?? sources.get(key))?.words.includes(`${BAR}${coded}${BAR}`)) continue;
      if (reading.length > room || (!sources.has(key) && sources.size >= SESSION_CAPS.sources)) {
        overflow = true;
        continue;
      }
      room -= reading.length;
      sources.set(key, { ...placing, words: joined(sources.get(key)?.words ?? '', coded) });
    }
  }
  return { ...state, overflow, sources: [...sources.values()] };
}

/** Every way to read a value and to write it, as codes of words. */
export function codedReadings(text: string, codes: WordCodes): readonly string[] {
  return [...readingsOf(text), ...spokenDays(text)].map((words) => codes.encode(words));
}

/** Whether the words stand somewhere in that order. */
export function isWithin(words: string, coded: string): boolean {
  return words.includes(coded);
}

/** Whether the words are a leaf of their own. */
export function isLeaf(words: string, coded: string): boolean {
  return words.includes(`${BAR}${coded}${BAR}`);
}

/** Whether one leaf, or one sentence, has all of these words, in any order. */
export function hasLeafWithAll(words: string, coded: readonly string[]): boolean {
  const [rarest = ''] = coded;
  for (let at = words.indexOf(rarest); at !== -1; at = words.indexOf(rarest, at + CODED_WORD)) {
    const leaf = words.slice(words.lastIndexOf(BAR, at), words.indexOf(BAR, at));
    if (coded.every((word) => leaf.includes(word))) return true;
  }
  return false;
}

/** The codes of single words, each with its dot. */
export function singleWords(coded: string): readonly string[] {
  const words: string[] = [];
  for (let at = 0; at < coded.length; at += CODED_WORD) words.push(coded.slice(at, at + CODED_WORD));
  return words;
}

/** Whether some sentence has the words, and speaks of one of these kinds of action. */
export function isUrged(words: string, coded: string, intents: readonly Intent[]): boolean {
  for (let at = words.indexOf(coded); at !== -1; at = words.indexOf(coded, at + CODED_WORD)) {
    const start = words.lastIndexOf(BAR, at) + 1;
    const mark = words.slice(start, words.indexOf('.', start));
    if (intents.some((intent) => mark.includes(markOf(intent)))) return true;
  }
  return false;
}

const SENTENCE_END = /(?<=[.!?;])\s+|\n+/u;

function storedReadings(
  text: string,
  belief: Belief,
): readonly { readonly reading: readonly string[]; readonly mark: string }[] {
  if (belief !== 'prose') return readingsOf(text).map((reading) => ({ reading, mark: '' }));
  return text.split(SENTENCE_END).flatMap((sentence) => {
    const mark = intentsOf(sentence).map(markOf).join('');
    return readingsOf(sentence).map((reading) => ({ reading, mark }));
  });
}

function markOf(intent: Intent): string {
  return String.fromCharCode('a'.charCodeAt(0) + INTENTS.indexOf(intent));
}

function readingsOf(text: string): readonly (readonly string[])[] {
  return [wordsOf(text), ...otherReadings(text)];
}

/** Leaves with a bar on either side. */
function joined(words: string, coded: string): string {
  if (coded === '') return words;
  return words === '' ? `${BAR}${coded}${BAR}` : `${words}${coded}${BAR}`;
}

/** An upper bound: bars count as parts of words. */
function countWords(words: string): number {
  return Math.ceil(words.length / CODED_WORD);
}

function keyOf({ origin, belief, steered }: Placing | Source): string {
  return `${belief} ${steered} ${origin}`;
}
