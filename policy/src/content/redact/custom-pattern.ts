import { RE2JS } from 're2js';
import type { CustomPattern } from './text.js';

/**
 * A pattern of a policy's own, in RE2's syntax.
 * @throws Error when it is none
 */
export function customPattern(source: string): CustomPattern {
  const pattern = RE2JS.compile(source);
  return {
    find(text) {
      const places: { start: number; end: number }[] = [];
      const matcher = pattern.matcher(text);
      while (matcher.find())
        if (matcher.end() > matcher.start()) places.push({ start: matcher.start(), end: matcher.end() });
      return places;
    },
  };
}
