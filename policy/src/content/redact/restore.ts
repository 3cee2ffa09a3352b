import { createFinder } from '../finder.js';
import type { RedactionRules } from './text.js';

const TOKEN = /\[[A-Z][A-Z_]{1,40}_\d{1,9}\]/g;
/** What may become one. */
const BEGUN = /^\[(?:[A-Z][A-Z_]{0,41}\d{0,9})?$/;

/** Rules that put back what stands for placeholders; `original` of one that stands for nothing is `undefined`, and it stays. */
export function restoration(original: (token: string) => string | undefined): RedactionRules {
  return {
    finder: createFinder([]),
    custom: [
      {
        find: (text) =>
          Array.from(text.matchAll(TOKEN), ({ 0: token, index }) => ({ start: index, end: index + token.length })),
        open(text) {
          const last = text.lastIndexOf('[');
          return last !== -1 && BEGUN.test(text.slice(last)) ? last : text.length;
        },
      },
    ],
    replace: (token) => original(token) ?? token,
    minScore: 0,
  };
}
