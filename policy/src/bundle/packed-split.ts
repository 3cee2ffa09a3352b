/** Takes a packed document apart at its policies without reading them, so that those seen before need not be read. */

/** A document and the texts of its policies. */
export interface SplitDocument {
  /** The document with every set's policies taken out. */
  readonly rest: string;
  /** The text of each policy, per set. */
  readonly policies: readonly (readonly string[])[];
}

/**
 * Splits the text of a packed document. It is not checked: what comes out is canonical JSON, each by itself, exactly if
 * the document is. Nothing for a text that has not even the outline of one.
 * @param before policies of the document before this one, each the whole text of a JSON object; where they stand at the
 * same place they are not read again, and the very same strings come out
 */
export function splitPolicies(text: string, before: readonly (readonly string[])[] = []): SplitDocument | undefined {
  const parts: string[] = [];
  const policies: string[][] = [];
  let copied = 0;
  const sets = memberOf(text, 0, 'sets');
  if (sets === undefined) return undefined;
  const ends = eachElement(text, sets, (set) => {
    const list = memberOf(text, set, 'policies');
    if (list === undefined) return skipValue(text, set);
    const own: string[] = [];
    const follow = followerOf(before[policies.length] ?? []);
    const end = eachElement(text, list, (start) => {
      const known = follow(text, start);
      if (known !== undefined) {
        own.push(known);
        return start + known.length;
      }
      const past = skipValue(text, start);
      if (past !== undefined) own.push(text.slice(start, past));
      return past;
    });
    if (end === undefined) return undefined;
    policies.push(own);
    parts.push(text.slice(copied, list + 1));
    copied = end - 1;
    return skipRest(text, end);
  });
  if (ends === undefined) return undefined;
  parts.push(text.slice(copied));
  return { rest: parts.join(''), policies };
}

/** Finds the policies of an earlier list in their order, also where one was added, changed or taken out. */
function followerOf(list: readonly string[]): (text: string, start: number) => string | undefined {
  let next = 0;
  return (text, start) => {
    for (const at of [next, next + 1, next - 1]) {
      const known = list[at];
      // The text of an object is not the beginning of any other value. (Comparing a slice is far quicker than startsWith.)
      if (known === undefined || text.slice(start, start + known.length) !== known) continue;
      next = at + 1;
      return known;
    }
    next += 1;
    return undefined;
  };
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_LIST = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** Where the value of an object's member begins. Without blanks, as in canonical JSON. */
function memberOf(text: string, object: number, name: string): number | undefined {
  if (text.charCodeAt(object) !== OPEN_OBJECT) return undefined;
  let at = object + 1;
  while (text.charCodeAt(at) === QUOTE) {
    const past = skipString(text, at);
    if (past === undefined || text.charCodeAt(past) !== COLON) return undefined;
    if (text.slice(at + 1, past - 1) === name) return past + 1;
    const end = skipValue(text, past + 1);
    if (end === undefined || text.charCodeAt(end) !== COMMA) return undefined;
    at = end + 1;
  }
  return undefined;
}

/** Calls `visit` with where each element begins; it returns where the element ends. Returns where the list ends. */
function eachElement(text: string, list: number, visit: (start: number) => number | undefined): number | undefined {
  if (text.charCodeAt(list) !== OPEN_LIST) return undefined;
  if (text.charCodeAt(list + 1) === CLOSE_LIST) return list + 2;
  for (let at = list + 1; ; ) {
    const end = visit(at);
    if (end === undefined) return undefined;
    if (text.charCodeAt(end) === CLOSE_LIST) return end + 1;
    if (text.charCodeAt(end) !== COMMA) return undefined;
    at = end + 1;
  }
}

/** The end of the value that begins at `start`. */
function skipValue(text: string, start: number): number | undefined {
  const first = text.charCodeAt(start);
  if (first === QUOTE) return skipString(text, start);
  if (first === OPEN_LIST || first === OPEN_OBJECT) return skipNested(text, start, 0);
  for (let at = start; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    if (unit === COMMA || unit === CLOSE_LIST || unit === CLOSE_OBJECT) return at;
  }
  return undefined;
}

/** The end of the object that `at` is inside of. */
function skipRest(text: string, at: number): number | undefined {
  return skipNested(text, at, 1);
}

function skipNested(text: string, start: number, depth: number): number | undefined {
  let open = depth;
  for (let at = start; at < text.length; at += 1) {
    switch (text.charCodeAt(at)) {
      case QUOTE: {
        const past = skipString(text, at);
        if (past === undefined) return undefined;
        at = past - 1;
        break;
      }
      case OPEN_LIST:
      case OPEN_OBJECT:
        open += 1;
        break;
      case CLOSE_LIST:
      case CLOSE_OBJECT:
        open -= 1;
        if (open === 0) return at + 1;
        break;
      default:
    }
  }
  return undefined;
}

function skipString(text: string, start: number): number | undefined {
  for (let at = start + 1; ; at += 1) {
    at = text.indexOf('"', at);
    if (at === -1) return undefined;
    let slashes = 0;
    while (text.charCodeAt(at - 1 - slashes) === BACKSLASH) slashes += 1;
    if (slashes % 2 === 0) return at + 1;
  }
}
