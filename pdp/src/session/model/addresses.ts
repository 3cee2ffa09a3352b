/** Addresses and account numbers inside a text: what a reader of the text could be led to. */

const BREAKS = /[\s'"`<>()[\]{}|,;]+/u;
const ENDING = /[.:!?]+$/u;
const ADDRESS = /@[^@]+\.[^@.]+$|^\p{L}[\p{L}\p{N}+.-]*:\/\/|^www\./iu;
const HOST =
  /^[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)*\.(?:com|org|net|io|dev|app|info|biz|co|me|ru|cn|xyz|site|online|top|link|click|[a-z]{2})(?:[/:?#].*)?$/iu;
const ACCOUNT = /^\p{Lu}{2}\d{2}[\p{Lu}\d]{6,30}$/u;
/** Longer pieces are no addresses that a person could follow; they are left out, whole. */
const MAX_LENGTH = 2_048;

/** Every link, mail address, host and account number, in order. Linear in the text. */
export function addressesIn(text: string): readonly string[] {
  return text
    .split(BREAKS)
    .map((piece) => piece.replace(ENDING, ''))
    .filter((piece) => piece.length > 3 && piece.length <= MAX_LENGTH && isAddress(piece));
}

/** Whether a piece of text leads somewhere; a bare name of two parts may also be a file. */
function isAddress(piece: string): boolean {
  return isPlainlyAddress(piece) || HOST.test(piece);
}

/** Whether it can be nothing else: a link, a mail address, an account number. */
export function isPlainlyAddress(piece: string): boolean {
  return ADDRESS.test(piece) || ACCOUNT.test(piece);
}
