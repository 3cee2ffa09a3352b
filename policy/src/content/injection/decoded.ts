/** What an encoded text, or an encoded part of one, says. Every decoder is one pass over the text. */

/** Pieces shorter than this say nothing worth reading. */
const MIN_DECODED = 8;
/** UTF-16 units of decoded text that are read, of all pieces together. */
const MAX_DECODED = 32 * 1024;
const MAX_PIECES = 64;

const NAMED_ENTITIES: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  nbsp: ' ',
  colon: ':',
  lpar: '(',
  rpar: ')',
};

/** `&#73;`, `&#x49;`, `&lt;`. */
export function fromEntities(text: string): string {
  if (!text.includes('&')) return text;
  return text.replaceAll(/&(?:#(\d{1,7})|#[xX]([0-9a-fA-F]{1,6})|([a-zA-Z]{2,8}));/g, (whole, decimal, hex, name) => {
    if (name !== undefined) return NAMED_ENTITIES[String(name).toLowerCase()] ?? whole;
    return character(decimal === undefined ? Number.parseInt(String(hex), 16) : Number(decimal)) ?? whole;
  });
}

/** `%49%67`, `\u0049`, `\x49`, `\u{49}`. */
export function fromEscapes(text: string): string {
  if (!/[%\\]/.test(text)) return text;
  const escapes = text.replaceAll(
    /\\u\{([0-9a-fA-F]{1,6})\}|\\u([0-9a-fA-F]{4})|\\x([0-9a-fA-F]{2})/g,
    (whole, braced, four, two) => character(Number.parseInt(String(braced ?? four ?? two), 16)) ?? whole,
  );
  return escapes.replaceAll(/(?:%[0-9a-fA-F]{2}){1,4096}/g, (run) => {
    const bytes = Uint8Array.from(run.slice(1).split('%'), (pair) => Number.parseInt(pair, 16));
    return new TextDecoder().decode(bytes);
  });
}

/** Base64 (both alphabets, over line breaks) and hexadecimal pieces that decode to text, one after the other. */
export function fromPieces(text: string): string {
  const found: string[] = [];
  let room = MAX_DECODED;
  for (const [piece] of text.matchAll(/[A-Za-z0-9+/_-]{16,8192}(?:\r?\n[A-Za-z0-9+/_-]{16,8192}){0,64}={0,2}/g)) {
    if (found.length === MAX_PIECES || room <= 0) break;
    const compact = piece.replaceAll(/\s/g, '');
    const decoded = (/^(?:[0-9a-fA-F]{2})+$/.test(compact) ? hexText(compact) : undefined) ?? base64Text(compact);
    if (decoded === undefined) continue;
    found.push(decoded.slice(0, room));
    room -= decoded.length;
  }
  return found.join('\n');
}

/** Letters thirteen places on, which is its own inverse. */
export function rot13(text: string): string {
  return text.replaceAll(/[a-zA-Z]/g, (letter) => {
    const base = letter <= 'Z' ? 65 : 97;
    return String.fromCharCode(((letter.charCodeAt(0) - base + 13) % 26) + base);
  });
}

/** Backwards, by code points. */
export function reversed(text: string): string {
  return Array.from(text).toReversed().join('');
}

function character(code: number): string | undefined {
  return code > 0 && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff) ? String.fromCodePoint(code) : undefined;
}

function hexText(hex: string): string | undefined {
  return readable(Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16)));
}

const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

function base64Text(text: string): string | undefined {
  const sextets: number[] = [];
  for (const letter of text.replaceAll('-', '+').replaceAll('_', '/')) {
    if (letter === '=') break;
    const value = BASE64.indexOf(letter);
    if (value < 0) return undefined;
    sextets.push(value);
  }
  const bytes = new Uint8Array(Math.floor((sextets.length * 6) / 8));
  for (let index = 0; index < bytes.length; index += 1) {
    const bit = index * 8;
    const first = Math.floor(bit / 6);
    const pair = ((sextets[first] ?? 0) << 6) | (sextets[first + 1] ?? 0);
    bytes[index] = (pair >> (4 - (bit % 6))) & 0xff;
  }
  return readable(bytes);
}

/** The bytes as text when nearly all of it is what people write. */
function readable(bytes: Uint8Array): string | undefined {
  if (bytes.length < MIN_DECODED) return undefined;
  const text = new TextDecoder().decode(bytes);
  const strange = text.match(/\uFFFD|[^\p{L}\p{M}\p{N}\p{P}\p{S}\s]/gu)?.length ?? 0;
  return strange * 20 <= text.length && /[A-Za-z\u0370-\uD7AF]{3}/u.test(text) ? text : undefined;
}
