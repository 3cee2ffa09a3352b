/** A text as a sequence of words with their meanings. One pass, whatever the text. */

import { CONCEPT, FILLER_WORDS, folded, LEXICON, SKELETON_LEXICON, skeletonOf, UNSPACED_PHRASES } from './lexicon.js';

/** A word. */
export interface Token {
  readonly word: string;
  /** Where it begins in its text, in UTF-16 units. */
  readonly at: number;
  /** Bits of {@link CONCEPT}. */
  readonly concepts: number;
  /** Whether a sentence, a line or a part of one begins with it. */
  readonly opens: boolean;
  /** Whether it stands between quotation marks. */
  readonly quoted: boolean;
}

/** Words that are looked at; 64 Ki units of text have some 10,000. */
const MAX_TOKENS = 20_000;
/** Longer runs of letters are cut: no word of the lexicon is as long. */
const PIECE = /[\p{L}\p{M}\p{N}_]{1,64}|[.!?;:\n\r<>[\](){}|#*"“”«»`„'’‘,=/@-]/gu;
const OPENERS: ReadonlySet<string> = new Set([
  '.',
  '!',
  '?',
  ';',
  ':',
  '\n',
  '\r',
  '>',
  ']',
  ')',
  '#',
  '*',
  '|',
  '-',
  '"',
  '“',
  '`',
  "'",
  ',',
]);
const CLOSING_QUOTE: Readonly<Record<string, string>> = {
  '"': '"',
  '“': '”',
  '«': '»',
  '`': '`',
  '„': '“',
  "'": "'",
  '‘': '’',
};
/** A quotation is at most so many words long; after that the mark was an apostrophe. */
const MAX_QUOTED = 40;

/** Reads the words of a text that is already in lower case, without diacritics. */
export function tokensOf(text: string, isDisguised: boolean): readonly Token[] {
  const lexicon = isDisguised ? SKELETON_LEXICON : LEXICON;
  const tokens: { word: string; at: number; concepts: number; opens: boolean; quoted: boolean }[] = [];
  let opens = true;
  let quote: { readonly closing: string; readonly from: number } | undefined;
  for (const { 0: piece, index } of text.matchAll(PIECE)) {
    if (tokens.length >= MAX_TOKENS) break;
    if (UNSPACED.test(piece)) {
      for (const phrase of phrasesIn(piece))
        tokens.push({ ...phrase, at: index + phrase.at, opens: true, quoted: false });
      opens = false;
      continue;
    }
    if (isWord(piece)) {
      const word = isDisguised ? skeletonOf(piece) : piece;
      tokens.push({ word, at: index, concepts: conceptsOf(word, lexicon), opens, quoted: false });
      opens = false;
      continue;
    }
    if (quote !== undefined && piece === quote.closing && !isInsideWord(text, index)) {
      const { from } = quote;
      if (tokens.length - from <= MAX_QUOTED) for (const token of tokens.slice(from)) token.quoted = true;
      quote = undefined;
    } else if (quote === undefined && CLOSING_QUOTE[piece] !== undefined && !isInsideWord(text, index)) {
      quote = { closing: CLOSING_QUOTE[piece], from: tokens.length };
    }
    if (OPENERS.has(piece) && !isInsideWord(text, index)) opens = true;
  }
  return tokens;
}

/** The words of a text without any spaces, as far as they are known: the longest known word at each place. */
export function tokensWithoutSpaces(text: string, isDisguised: boolean): readonly Token[] {
  const words = isDisguised ? SKELETON_WORDS : PLAIN_WORDS;
  const lexicon = isDisguised ? SKELETON_LEXICON : LEXICON;
  const plain = text.replaceAll(/[^\p{L}\p{N}@$!|+]/gu, '');
  const packed = isDisguised ? skeletonOf(plain) : plain;
  const tokens: Token[] = [];
  for (let at = 0; at < packed.length && tokens.length < MAX_TOKENS; ) {
    const word = words.get(packed.slice(at, at + SHORTEST))?.find((candidate) => packed.startsWith(candidate, at));
    if (word === undefined) {
      at += 1;
      continue;
    }
    // Nothing tells where a sentence begins.
    tokens.push({ word, at, concepts: lexicon.get(word) ?? 0, opens: true, quoted: false });
    at += word.length;
  }
  return tokens;
}

/** Shorter words would be found in every other word. */
const SHORTEST = 3;
const PLAIN_WORDS = byBeginning([...LEXICON.keys(), ...FILLER_WORDS]);
const SKELETON_WORDS = byBeginning([...SKELETON_LEXICON.keys(), ...FILLER_WORDS.map(skeletonOf)]);

/** Words by their first letters, the longest first. */
function byBeginning(words: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (const word of new Set(words)) {
    if (word.length < SHORTEST) continue;
    const beginning = word.slice(0, SHORTEST);
    found.set(beginning, [...(found.get(beginning) ?? []), word]);
  }
  for (const same of found.values()) same.sort((a, b) => b.length - a.length || (a < b ? -1 : 1));
  return found;
}

const UNSPACED = /[\u3040-\u30FF\u3400-\u9FFF\uAC00-\uD7AF]/;

function conceptsOf(word: string, lexicon: ReadonlyMap<string, number>): number {
  const known = lexicon.get(word);
  if (known !== undefined) return known;
  let concepts = 0;
  // Identifiers say what their words say: read_secret, sendEmail is lower case by now.
  if (word.includes('_')) for (const part of word.split('_')) concepts |= lexicon.get(part) ?? 0;
  return concepts;
}

/** The known phrases in writing without spaces, in their order. */
function phrasesIn(text: string): readonly Pick<Token, 'word' | 'at' | 'concepts'>[] {
  return UNSPACED_PHRASES.flatMap(([phrase, concept]) => {
    const word = folded(phrase);
    const at = text.indexOf(word);
    return at === -1 ? [] : [{ word, at, concepts: CONCEPT[concept] }];
  }).toSorted((a, b) => a.at - b.at);
}

function isWord(piece: string): boolean {
  return /^[\p{L}\p{M}\p{N}_]/u.test(piece);
}

/** An apostrophe, a hyphen or a full stop with letters on both sides belongs to the word. */
function isInsideWord(text: string, index: number): boolean {
  return isWord(text[index - 1] ?? ' ') && isWord(text[index + 1] ?? ' ');
}
