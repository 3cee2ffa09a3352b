/**
 * How much a text reads like instructions to an assistant. Deterministic and linear in the text: words are looked up, rules
 * look at windows of words, disguises are undone a bounded number of times. A risk signal, never proof: an order that is
 * polite and plain passes, and a text about attacks may be taken for one.
 */

import { CONCEPT } from './lexicon.js';
import { markersOf } from './markers.js';
import { featuresOf } from './rules.js';
import type { Token } from './tokens.js';
import { type Reading, readingsOf } from './variants.js';

/** What a text is after. */
export interface InstructionScore {
  /** 0 to 1. */
  readonly score: number;
  /** Names of what was seen, in alphabetical order, disguises included. */
  readonly features: readonly string[];
}

/** The score from which a text is called injected instructions. */
export const INSTRUCTIONS_FROM = 0.5;

/** What a disguise adds to what it hides: nobody encodes a harmless sentence and an order alike. */
const DISGUISE_WEIGHT = 0.3;
/** What is left of a feature in a text that speaks about such texts. */
const MENTIONED = 0.3;
const DISCUSSED = 0.55;
/** Words on either side that tell whether something is mentioned or meant. */
const NEARBY = 24;

/** Scores a text. Only its first 64 Ki UTF-16 units are read. */
export function instructionScore(text: string): InstructionScore {
  const [plain, ...disguised] = readingsOf(text).map((reading) => ({ ...reading, weights: weightsOf(reading) }));
  let best = scoreOf(plain?.weights ?? NONE, undefined);
  for (const { weights, disguise } of disguised) {
    // Only what everybody else does not see is disguised: a hash beside a sentence hides nothing.
    const isHidden = [...weights].some(([feature, weight]) => weight > (plain?.weights.get(feature) ?? 0));
    if (!isHidden) continue;
    const scored = scoreOf(weights, disguise);
    if (scored.score > best.score) best = scored;
  }
  return best;
}

const NONE: ReadonlyMap<string, number> = new Map();

/** Features of one reading, each at its best place. */
function weightsOf({ tokens, text }: Reading): ReadonlyMap<string, number> {
  const weights = new Map<string, number>();
  const add = (feature: string, weight: number): void => {
    if (weight > (weights.get(feature) ?? 0)) weights.set(feature, weight);
  };
  for (const { feature, weight, from, to } of featuresOf(tokens)) add(feature, weight * meant(from, to, tokens));
  for (const { feature, weight, start, end } of markersOf(text)) {
    const from = tokens.findIndex(({ at }) => at >= start);
    const after = tokens.findIndex(({ at }) => at >= end);
    const to = (after === -1 ? tokens.length : after) - 1;
    add(feature, from === -1 ? weight : weight * meant(from, Math.max(from, to), tokens));
  }
  return weights;
}

function scoreOf(weights: ReadonlyMap<string, number>, disguise: string | undefined): InstructionScore {
  if (weights.size === 0) return { score: 0, features: [] };
  const all = disguise === undefined ? weights : new Map([...weights, [`disguise_${disguise}`, DISGUISE_WEIGHT]]);
  const doubt = [...all.values()].reduce((left, weight) => left * (1 - weight), 1);
  return { score: Math.round((1 - doubt) * 100) / 100, features: [...all.keys()].toSorted() };
}

/** 1 where it is meant, less where it is quoted or discussed. */
function meant(from: number, to: number, tokens: readonly Token[]): number {
  const isQuoted = tokens.slice(from, to + 1).every(({ quoted }) => quoted);
  let discussion = 0;
  const end = Math.min(tokens.length, to + NEARBY);
  for (let place = Math.max(0, from - NEARBY); place < end; place += 1) {
    const token = tokens[place];
    if (token === undefined || (place >= from && place <= to) || (isQuoted && token.quoted)) continue;
    if ((token.concepts & CONCEPT.discussion) !== 0) discussion += 1;
  }
  if (isQuoted && discussion >= 1) return MENTIONED;
  return discussion >= 3 ? DISCUSSED : 1;
}
