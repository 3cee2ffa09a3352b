import { type Finding, PROTOTYPE_KEYS } from './finding.js';

const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const BLANK = /[ \t\n\r]*/y;
const LITERAL = /true|false|null/y;

/**
 * A plain recursive-descent reading of the same language, used only to say *where* a refused document is wrong, and
 * by tests as a second opinion. The nesting must have been limited before.
 */
export function locateFinding(text: string): Finding | undefined {
  let at = 0;

  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    const match = pattern.exec(text)?.[0];
    at += match?.length ?? 0;
    return match;
  };
  const takeChar = (char: string): boolean => {
    take(BLANK);
    if (text[at] !== char) return false;
    at += 1;
    return true;
  };
  const syntax = (reason: string): Finding => ({ kind: 'syntax', reason, index: at });

  const members = (): Finding | undefined => {
    const seen = new Set<string>();
    do {
      take(BLANK);
      const start = at;
      const literal = take(STRING);
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
    if (takeChar('{')) return takeChar('}') ? undefined : members();
    if (takeChar('[')) return takeChar(']') ? undefined : elements();
    if (take(STRING) ?? take(NUMBER) ?? take(LITERAL)) return undefined;
    return syntax('expected a value');
  }

  const finding = value();
  if (finding !== undefined) return finding;
  take(BLANK);
  return at === text.length ? undefined : syntax('unexpected bytes after the value');
}
