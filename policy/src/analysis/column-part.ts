import { RE2JS } from 're2js';
import type { Field } from '../dsl/fields.js';
import { translate } from '../dsl/operators/glob.js';
import type { JsonObject } from '../model/request.js';
import type { Column } from './cell.js';
import type { SampledWindow } from './instant-samples.js';

/** What a comparison asks of a text: decides how the texts that it tells apart are found. */
export type TextPart =
  /** Whether it is one of these. */
  | { readonly asks: 'exact'; readonly texts: readonly string[] }
  /** Whether one of these RE2 patterns matches, or with `every` all of them. */
  | { readonly asks: 'patterns'; readonly patterns: readonly string[]; readonly every: boolean }
  | { readonly asks: 'host'; readonly domains: readonly string[] }
  | { readonly asks: 'address'; readonly ranges: readonly string[] }
  | { readonly asks: 'instant'; readonly times: readonly string[] }
  | { readonly asks: 'window'; readonly window: SampledWindow }
  /** The same of every text. */
  | { readonly asks: 'nothing' }
  /** It is not known what. */
  | { readonly asks: 'opaque'; readonly patterns: readonly string[] };

/** More patterns than these are not followed in step. */
const MAX_PATTERNS = 16;

/** What a comparison asks of a text. An operator that is not known here is opaque, which is always right. */
export function textPart({ leaf }: Column, field: Field): TextPart {
  const { literal } = leaf;
  const texts = textsOf(literal);
  switch (leaf.operator as string) {
    case 'exists':
    case 'subset_of':
      return { asks: 'nothing' };
    case 'equals':
    case 'in':
      if (texts === undefined) return { asks: 'nothing' };
      if (field.type === 'datetime') return { asks: 'instant', times: texts };
      if (field.type === 'ip') return { asks: 'address', ranges: texts };
      return { asks: 'exact', texts };
    case 'contains':
    case 'contains_any':
      return patternsOf(texts?.map(quote));
    case 'contains_all':
      return patternsOf(texts?.map(quote), true);
    case 'starts_with':
      return patternsOf(texts?.map((text) => `\\A${quote(text)}`));
    case 'ends_with':
      return patternsOf(texts?.map((text) => `${quote(text)}\\z`));
    case 'regex_match':
      return patternsOf(texts);
    case 'glob_match':
      return patternsOf(texts?.map(globPattern));
    case 'text_matches':
      return patternsOf(searched(literal as JsonObject));
    case 'greater_than':
    case 'greater_or_equal':
    case 'less_than':
    case 'less_or_equal':
    case 'between':
      return texts === undefined ? { asks: 'nothing' } : { asks: 'instant', times: texts };
    case 'in_time_window':
      return { asks: 'window', window: literal as SampledWindow };
    case 'domain_match':
      return { asks: 'host', domains: texts ?? [] };
    case 'cidr_match':
      return { asks: 'address', ranges: texts ?? [] };
    default:
      return { asks: 'opaque', patterns: [] };
  }
}

/** The numbers that a comparison compares with; nothing when it is not known what it asks of a number. */
export function numbersOf({ leaf }: Column): readonly number[] | undefined {
  const known = textPart({ leaf, key: '' }, UNTYPED).asks !== 'opaque';
  if (!known) return undefined;
  const values = (Array.isArray(leaf.literal) ? leaf.literal : [leaf.literal]) as readonly unknown[];
  return values.filter((value) => typeof value === 'number');
}

const UNTYPED: Field = { path: '', segments: [], type: 'any', sensitive: false };

/** The operators that ask about the members of a list as a whole. */
export const LIST_OPERATORS: ReadonlySet<string> = new Set([
  'contains',
  'contains_any',
  'contains_all',
  'subset_of',
  'exists',
]);

function textsOf(literal: unknown): readonly string[] | undefined {
  if (typeof literal === 'string') return [literal];
  if (!Array.isArray(literal) || !literal.every((one) => typeof one === 'string')) return undefined;
  return literal;
}

function patternsOf(patterns: readonly string[] | undefined, every = false): TextPart {
  if (patterns === undefined) return { asks: 'nothing' };
  if (every && patterns.length > 1) {
    return patterns.length <= MAX_PATTERNS ? { asks: 'patterns', patterns, every } : { asks: 'opaque', patterns };
  }
  const size = patterns.reduce((sum, pattern) => sum + pattern.length, 0);
  if (patterns.length > MAX_PATTERNS * MAX_PATTERNS || size > MAX_JOINED) return { asks: 'opaque', patterns };
  // One automaton for all of them is smaller than one each.
  return { asks: 'patterns', patterns: [patterns.map((pattern) => `(?:${pattern})`).join('|')], every: false };
}

const MAX_JOINED = 16_384;

function quote(text: string): string {
  return RE2JS.quote(text);
}

function globPattern(text: string): string {
  const glob = translate(text);
  return typeof glob === 'string' ? '\\z\\A.' : `\\A(?:${glob.pattern})\\z`;
}

function searched(literal: JsonObject): readonly string[] {
  const patterns = textsOf(literal['patterns']) ?? [];
  return literal['case_insensitive'] === true ? patterns.map((pattern) => `(?i:${pattern})`) : patterns;
}
