/** Where a search goes on: opaque to its caller, and good for exactly the question and release that it was given for. */

import type { Clock } from '@portcullis/runtime';
import type { Sealer } from '../session/sealer.js';

/** What a token stands for. */
export interface PageMark {
  /** Digest of who asks, and of everything that they ask but the page. */
  readonly question: string;
  /** Digest of the bundle whose candidates are counted. */
  readonly bundle: string;
  /** Index of the next candidate. */
  readonly next: number;
  /** Results of a page, as first asked for. */
  readonly limit: number;
}

/** Gives and takes tokens. */
export interface PageTokens {
  give(mark: PageMark): string;
  /** `undefined` for what was not given here, was changed, or is too old. */
  take(token: string): PageMark | undefined;
}

/** Longer ones are none of ours. */
const MAX_TOKEN = 1_024;

/** Tokens under one key, good for `seconds`. */
export function createPageTokens(sealer: Sealer, clock: Clock, seconds: number): PageTokens {
  return {
    give: ({ question, bundle, next, limit }) =>
      sealer.seal(JSON.stringify([question, bundle, next, limit, clock.now() + seconds * 1_000])),
    take: (token) => {
      const text = token.length > MAX_TOKEN ? undefined : sealer.open(token);
      if (text === undefined) return undefined;
      // What opens is what was given.
      const [question, bundle, next, limit, until] = JSON.parse(text) as [string, string, number, number, number];
      return clock.now() < until ? { question, bundle, next, limit } : undefined;
    },
  };
}
