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
