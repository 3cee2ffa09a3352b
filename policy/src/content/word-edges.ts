/** Where words begin and end. */

/** 1 for ASCII letters, digits and `_`. */
const IN_WORD: Uint8Array = Uint8Array.from({ length: 128 }, (_unused, code) =>
  /\w/.test(String.fromCharCode(code)) ? 1 : 0,
);

/** Whether a letter, a digit or `_` stands there; none does outside of the text. */
export function isWord(text: string, at: number): boolean {
  if (at < 0 || at >= text.length) return false;
  const code = text.charCodeAt(at);
  return code < 128 ? IN_WORD[code] === 1 : /[\p{L}\p{N}]/u.test(text[at] ?? '');
}

/**
 * Whether a word goes on over the place before `start`. An `n`, `r` or `t` behind a backslash is the end of a line or a space, as texts
 * write it that are pieces of JSON or of a program, and no letter.
 */
export function isWordBefore(text: string, start: number): boolean {
  if (!isWord(text, start - 1)) return false;
  return start < 2 || text.charCodeAt(start - 2) !== BACKSLASH || !'nrt'.includes(text.charAt(start - 1));
}

const BACKSLASH = 0x5c;
