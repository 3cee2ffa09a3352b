/** What words together mean: each rule is a feature of a text that speaks to an assistant. */

import { CONCEPT, type Concept } from './lexicon.js';
import type { Token } from './tokens.js';

/** A feature and where it was seen. */
export interface Seen {
  readonly feature: string;
  readonly weight: number;
  /** Places of the words that make it, first and last. */
  readonly from: number;
  readonly to: number;
}

interface WordsRule {
  readonly feature: string;
  readonly weight: number;
  /** Each must occur, in this order unless `anyOrder`, all within `within` words. */
  readonly words: readonly (readonly Concept[])[];
  readonly within: number;
  readonly anyOrder?: boolean;
  /** The first word begins a sentence or clause, or follows a word that asks (`please`, `must`, `and`, `then`, `to`). */
  readonly imperative?: boolean;
}

const RULES: readonly WordsRule[] = [
  { feature: 'override_rules', weight: 0.75, words: [['override'], ['rules']], within: 7 },
  { feature: 'override_rules', weight: 0.6, words: [['rules'], ['override']], within: 7, imperative: false },
  {
    feature: 'override_everything',
    weight: 0.55,
    words: [['override'], ['everything'], ['everything', 'you', 'promptWord']],
    within: 5,
  },
  {
    feature: 'reveal_prompt',
    weight: 0.7,
    words: [
      ['reveal', 'tell', 'send'],
      ['systemWord', 'hiddenWord', 'you'],
      ['promptWord', 'rules'],
    ],
    within: 8,
    imperative: true,
  },
  {
    feature: 'reveal_prompt',
    weight: 0.55,
    words: [['reveal', 'tell', 'send'], ['promptWord'], ['systemWord']],
    within: 8,
    imperative: true,
  },
  { feature: 'reveal_secret', weight: 0.6, words: [['reveal'], ['secret']], within: 8 },
  { feature: 'reveal_secret', weight: 0.4, words: [['tell'], ['secret']], within: 6, imperative: true },
  { feature: 'send_secret', weight: 0.6, words: [['send', 'load'], ['secret']], within: 8, imperative: true },
  { feature: 'bypass_control', weight: 0.65, words: [['override'], ['control']], within: 5 },
  { feature: 'approve_tools', weight: 0.55, words: [['approve'], ['toolWord', 'call']], within: 6, imperative: true },
  {
    feature: 'call_then_send',
    weight: 0.55,
    words: [['call'], ['toolWord', 'secret', 'data'], ['reveal', 'send']],
    within: 14,
    imperative: true,
  },
  { feature: 'claims_power', weight: 0.55, words: [['you', 'persona'], ['persona', 'you'], ['admin']], within: 8 },
  { feature: 'claims_power', weight: 0.5, words: [['you'], ['admin']], within: 4 },
  {
    feature: 'remember_power',
    weight: 0.6,
    words: [['remember'], ['user', 'you'], ['admin']],
    within: 10,
    anyOrder: true,
  },
  {
    feature: 'remember_always',
    weight: 0.45,
    words: [['remember'], ['always'], ['rules', 'approve', 'send', 'admin']],
    within: 12,
    anyOrder: true,
  },
  {
    feature: 'other_tenant',
    weight: 0.5,
    words: [['load', 'reveal', 'tell', 'send'], ['other'], ['tenant', 'user']],
    within: 9,
    imperative: true,
  },
  {
    feature: 'addressed_order',
    weight: 0.5,
    words: [['assistant'], ['must'], ['override', 'reveal', 'send', 'call', 'load', 'tell']],
    within: 8,
  },
  {
    feature: 'secrecy',
    weight: 0.5,
    words: [['not'], ['tell', 'approve', 'secretly'], ['user']],
    within: 5,
    anyOrder: false,
  },
  {
    feature: 'secrecy',
    weight: 0.35,
    words: [['secretly'], ['send', 'reveal', 'call', 'load', 'tell']],
    within: 6,
    anyOrder: true,
  },
  {
    feature: 'orders_response',
    weight: 0.5,
    words: [['command'], ['you'], ['response']],
    within: 14,
    imperative: true,
  },
];

/** Words after which a verb is still an order. */
const ASKING: ReadonlySet<string> = new Set(
  'please kindly now then and to must should shall you also instead bitte puis et y und e dann por favor'.split(' '),
);

/** Every rule that holds somewhere, each feature at its best place. Linear in the words: a window moves over them. */
export function featuresOf(tokens: readonly Token[]): readonly Seen[] {
  const seen: Seen[] = [];
  for (const rule of COMPILED) {
    let from = 0;
    // A later place may be less of a quotation than the first.
    for (let found = 0; found < MAX_PLACES; found += 1) {
      const place = firstPlace(rule, tokens, from);
      if (place === undefined) break;
      seen.push({ feature: rule.feature, weight: rule.weight, ...place });
      from = place.from + 1;
    }
  }
  return seen;
}

const MAX_PLACES = 16;

interface CompiledRule {
  readonly feature: string;
  readonly weight: number;
  readonly masks: readonly number[];
  readonly within: number;
  readonly anyOrder: boolean;
  readonly imperative: boolean;
}

const COMPILED: readonly CompiledRule[] = RULES.map(({ feature, weight, words, within, anyOrder, imperative }) => ({
  feature,
  weight,
  masks: words.map((concepts) => concepts.reduce((mask, concept) => mask | CONCEPT[concept], 0)),
  within,
  anyOrder: anyOrder ?? false,
  imperative: imperative ?? false,
}));

function firstPlace(
  rule: CompiledRule,
  tokens: readonly Token[],
  start: number,
): { readonly from: number; readonly to: number } | undefined {
  const [first = 0] = rule.masks;
  for (let at = start; at < tokens.length; at += 1) {
    const token = tokens[at];
    if (token === undefined) return undefined;
    if (rule.anyOrder) {
      const to = allWithin(rule, tokens, at);
      if (to !== undefined) return { from: at, to };
      continue;
    }
    if ((token.concepts & first) === 0 || isNegated(tokens, at)) continue;
    if (rule.imperative && !isOrder(tokens, at)) continue;
    const to = inOrder(rule, tokens, at);
    if (to !== undefined) return { from: at, to };
  }
  return undefined;
}

function inOrder(rule: CompiledRule, tokens: readonly Token[], at: number): number | undefined {
  let next = 1;
  const end = Math.min(tokens.length, at + rule.within + 1);
  for (let place = at + 1; place < end; place += 1) {
    const mask = rule.masks[next];
    if (mask === undefined) return place - 1;
    if (((tokens[place]?.concepts ?? 0) & mask) === 0) continue;
    next += 1;
    if (next === rule.masks.length) return place;
  }
  return undefined;
}

function allWithin(rule: CompiledRule, tokens: readonly Token[], at: number): number | undefined {
  // The window begins with one of them, or it would be found again and again.
  const concepts = tokens[at]?.concepts ?? 0;
  if (!rule.masks.some((mask) => (concepts & mask) !== 0)) return undefined;
  const left = new Set(rule.masks);
  const end = Math.min(tokens.length, at + rule.within + 1);
  for (let place = at; place < end; place += 1) {
    for (const mask of left) {
      if (((tokens[place]?.concepts ?? 0) & mask) === 0) continue;
      left.delete(mask);
      break;
    }
    if (left.size === 0) return place;
  }
  return undefined;
}

/** `never forget the rules`, `n'oubliez pas les consignes`: a warning, not an order. Only for what overrides. */
function isNegated(tokens: readonly Token[], at: number): boolean {
  if (((tokens[at]?.concepts ?? 0) & CONCEPT.override) === 0) return false;
  if (NEGATION_AFTER.has(tokens[at + 1]?.word ?? '')) return true;
  // `No, ignore …` negates nothing: a clause begins in between.
  for (let back = 1; back <= 2 && tokens[at - back + 1]?.opens !== true; back += 1) {
    if (NEGATION_BEFORE.has(tokens[at - back]?.word ?? '')) return true;
  }
  return false;
}

const NEGATION_BEFORE: ReadonlySet<string> = new Set('not never don dont n ne nicht nie no non nao niet не'.split(' '));
const NEGATION_AFTER: ReadonlySet<string> = new Set(['pas', 'nicht', 'niet']);

/** Whether the verb at this place is an order: it opens a clause, or follows a word that asks, or nothing tells. */
function isOrder(tokens: readonly Token[], at: number): boolean {
  const token = tokens[at];
  if (token === undefined || token.opens) return true;
  const before = tokens[at - 1];
  return before !== undefined && ASKING.has(before.word);
}
