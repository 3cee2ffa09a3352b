import { type Finding, PROTOTYPE_KEYS } from './finding.js';

const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const ESCAPE = /["\\/bfnrt]|u[0-9a-fA-F]{4}/y;
const LITERAL = /true|false|null/y;

/**
 * A plain recursive-descent reading of the same language, used only to say *where* a refused document is wrong, and
 * by tests as a second opinion. The nesting must have been limited before.
 */
export function locateFinding(text: string): Finding | undefined {
  let at = 0;

  const take = (pattern: RegExp): boolean => {
    pattern.lastIndex = at;
    if (!pattern.test(text)) return false;
    at = pattern.lastIndex;
    return true;
  };
  const skipBlank = (): void => {
    while (text[at] === ' ' || text[at] === '\n' || text[at] === '\t' || text[at] === '\r') at += 1;
  };
  const takeChar = (char: string): boolean => {
    skipBlank();
    if (text[at] !== char) return false;
    at += 1;
    return true;
  };
  /** By hand: a pattern with alternatives would need stack for every character of a long string. */
  const takeString = (): string | undefined => {
    const start = at;
    if (text[at] !== '"') return undefined;
    for (at += 1; at < text.length && text.charCodeAt(at) >= 0x20; at += 1) {
      if (text[at] === '"') {
        at += 1;
        return text.slice(start, at);
      }
      if (text[at] !== '\\') continue;
      at += 1;
      if (!take(ESCAPE)) break;
      at -= 1;
    }
    at = start;
    return undefined;
  };
  const syntax = (reason: string): Finding => ({ kind: 'syntax', reason, index: at });

  const members = (): Finding | undefined => {
    const seen = new Set<string>();
    do {
      skipBlank();
      const start = at;
      const literal = takeString();
      if (literal === undefined) return syntax('expected a key in double quotes');
      const key = JSON.parse(literal) as string;
      if (seen.has(key)) return { kind: 'duplicate_key', reason: 'key appears twice in one object', index: start };
      if (PROTOTYPE_KEYS.has(key)) return { kind: 'prototype_key', reason: 'key is reserved', index: start };
      seen.add(key);
      if (!takeChar(':')) return syntax('expected a colon after the key');
      const finding = value();
      if (finding !== undefined) return finding;
    } while (takeChar(','));
    return takeChar('}') ? undefined : syntax('expected a comma or the end of the object');
  };

  const elements = (): Finding | undefined => {
    do {
      const finding = value();
      if (finding !== undefined) return finding;
    } while (takeChar(','));
    return takeChar(']') ? undefined : syntax('expected a comma or the end of the array');
  };

  function value(): Finding | undefined {
    skipBlank();
    const char = text[at];
    if (char === '{' || char === '[') {
      at += 1;
      if (char === '{') return takeChar('}') ? undefined : members();
      return takeChar(']') ? undefined : elements();
    }
    const isScalar = char === '"' ? takeString() !== undefined : take(NUMBER) || take(LITERAL);
    return isScalar ? undefined : syntax('expected a value');
  }

  const finding = value();
  if (finding !== undefined) return finding;
  skipBlank();
  return at === text.length ? undefined : syntax('unexpected bytes after the value');
}
