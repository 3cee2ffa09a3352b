/** Where the values of a JSON text stand. The text is valid JSON already; nothing is parsed, so nothing of it can change. */

/** A value, or the name of a member. */
export interface JsonToken {
  readonly kind: 'string' | 'number' | 'name';
  /** From its first character, a string's quotation mark included. */
  readonly start: number;
  readonly end: number;
  /** Names of the members that it is in, from the outermost, its own included; elements of lists have none. */
  readonly path: readonly string[];
}

/** Told what there is. */
export interface JsonVisitor {
  /** Asked about each member's value before it is entered; `false`: not entered. `end` is only known where it is not. */
  enter(path: readonly string[], range: () => { readonly start: number; readonly end: number }): boolean;
  leaf(token: JsonToken): void;
}

/** Visits all values of a valid JSON text, in their order. As deep as the text is; see the caller's limit. */
export function walkJson(source: string, visitor: JsonVisitor): void {
  const walker = { source, at: 0 };
  skipSpace(walker);
  value(walker, [], visitor);
}

interface Walker {
  readonly source: string;
  at: number;
}

function value(walker: Walker, path: readonly string[], visitor: JsonVisitor | undefined): void {
  const { source, at: start } = walker;
  const first = source.charCodeAt(start);
  if (first === 0x7b) members(walker, path, visitor);
  else if (first === 0x5b) elements(walker, path, visitor);
  else if (first === 0x22) {
    walker.at = endOfString(source, start);
    visitor?.leaf({ kind: 'string', start, end: walker.at, path });
  } else {
    while (walker.at < source.length && !isEnd(source.charCodeAt(walker.at))) walker.at += 1;
    // `true`, `false` and `null` are no number.
    if (first !== 0x74 && first !== 0x66 && first !== 0x6e) {
      visitor?.leaf({ kind: 'number', start, end: walker.at, path });
    }
  }
}

function members(walker: Walker, path: readonly string[], visitor: JsonVisitor | undefined): void {
  const { source } = walker;
  walker.at += 1;
  skipSpace(walker);
  while (source.charCodeAt(walker.at) !== 0x7d) {
    const start = walker.at;
    const end = endOfString(source, start);
    const name = decodeString(source.slice(start, end));
    const own = visitor === undefined ? path : [...path, name];
    visitor?.leaf({ kind: 'name', start, end, path: own });
    walker.at = end;
    skipSpace(walker);
    walker.at += 1;
    skipSpace(walker);
    member(walker, own, visitor);
    skipSpace(walker);
    if (source.charCodeAt(walker.at) === 0x2c) walker.at += 1;
    skipSpace(walker);
  }
  walker.at += 1;
}

function member(walker: Walker, path: readonly string[], visitor: JsonVisitor | undefined): void {
  const start = walker.at;
  let isSkipped = false;
  const range = () => {
    if (!isSkipped) value(walker, path, undefined);
    isSkipped = true;
    return { start, end: walker.at };
  };
  const isEntered = visitor?.enter(path, range) ?? true;
  if (isSkipped) return;
  value(walker, path, isEntered ? visitor : undefined);
}

function elements(walker: Walker, path: readonly string[], visitor: JsonVisitor | undefined): void {
  walker.at += 1;
  skipSpace(walker);
  while (walker.source.charCodeAt(walker.at) !== 0x5d) {
    value(walker, path, visitor);
    skipSpace(walker);
    if (walker.source.charCodeAt(walker.at) === 0x2c) walker.at += 1;
    skipSpace(walker);
  }
  walker.at += 1;
}

function skipSpace(walker: Walker): void {
  const { source } = walker;
  while (isSpace(source.charCodeAt(walker.at))) walker.at += 1;
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}

function isEnd(code: number): boolean {
  return code === 0x2c || code === 0x7d || code === 0x5d || isSpace(code);
}

/** After the closing quotation mark. */
function endOfString(source: string, start: number): number {
  let end = source.indexOf('"', start + 1);
  while (isEscaped(source, end)) end = source.indexOf('"', end + 1);
  return end + 1;
}

function isEscaped(source: string, at: number): boolean {
  let slashes = 0;
  while (source.charCodeAt(at - 1 - slashes) === 0x5c) slashes += 1;
  return slashes % 2 === 1;
}

/** What a string's token, quotation marks included, says. */
export function decodeString(token: string): string {
  return token.includes('\\') ? (JSON.parse(token) as string) : token.slice(1, -1);
}

/** For every UTF-16 unit of what a token says, and for its end, where in the token it stands. */
export function placesInToken(token: string): Uint32Array {
  const places = new Uint32Array(token.length);
  let unit = 0;
  let at = 1;
  while (at < token.length - 1) {
    places[unit] = at;
    unit += 1;
    at += token.charCodeAt(at) !== 0x5c ? 1 : token.charCodeAt(at + 1) === 0x75 ? 6 : 2;
  }
  places[unit] = at;
  return places;
}
