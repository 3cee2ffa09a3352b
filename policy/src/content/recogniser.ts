/** What a recogniser is: a pattern, a check, and words around it that make a weak pattern certain. */

import type { Anchor } from './anchors.js';

/** What it finds: data of a person, or what opens doors. */
export const CONTENT_FAMILIES = ['pii', 'secret'] as const;
/** What it finds. */
export type ContentFamily = (typeof CONTENT_FAMILIES)[number];

/** A pattern of one type of content. A type may have several. */
export interface Recogniser {
  /** Presidio's name where it has one. */
  readonly type: string;
  readonly family: ContentFamily;
  /**
   * Global; every repetition bounded and no two ways to match the same, so that a search is linear in the text. A group
   * named `value` is what is found; without one it is the whole match.
   */
  readonly pattern: RegExp;
  /** How certain the pattern is by itself, 0 to 1. */
  readonly score: number;
  /** The part of the match that may be one, from its beginning: a pattern may not know where the value ends. */
  readonly trim?: (found: string) => string;
  /** `false`: it is not one. `true`: it is one, with {@link proven}. */
  readonly check?: (found: string) => boolean;
  /** What is none though the pattern matches it: the whole of it, written as {@link pattern} is. Not after {@link trim}. */
  readonly except?: RegExp;
  /** The score once the check holds; {@link score} when absent. */
  readonly proven?: number;
  /** Words in lower case, one of which shortly before (or in a key beside it) adds {@link CONTEXT_BONUS}. */
  readonly context?: readonly string[];
  /** Whether a letter or digit may touch it on either side; by default none may. */
  readonly mayTouch?: boolean;
  /** Whether `_` may follow it, as in names of files. */
  readonly mayEndAtUnderscore?: boolean;
  /** A match that fails is passed over whole: no part of it is one either. By default one may begin inside of it. */
  readonly isWhole?: boolean;
  /** What every match has in it, where it is no number: see `isNumber`. */
  readonly anchor?: Anchor;
}

/** What context adds. */
export const CONTEXT_BONUS = 0.45;

/** Only letters and digits. */
export function bare(text: string): string {
  if (/^[A-Za-z0-9]*$/.test(text)) return text.toUpperCase();
  if (/^[ -~]*$/.test(text)) return text.replaceAll(/[^A-Za-z0-9]/g, '').toUpperCase();
  return text.replaceAll(/[^\p{L}\p{N}]/gu, '').toUpperCase();
}
