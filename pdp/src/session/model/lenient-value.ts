import type { Json } from '@portcullis/policy/model';

/**
 * Values as tools print them: JSON, and the notation of scripting languages with single quotes, `None` and `True`. Where a
 * whole text is such a value, it is read; nothing otherwise. Strings keep what stands in them: a quotation never becomes
 * structure, which is what makes a field of the result worth more than a sentence in it.
 */
export function readLenientValue(text: string): Json | undefined {
  const reader: Reader = { text, at: 0, depth: 0 };
  skipSpace(reader);
  const first = text[reader.at];
  if (first !== '{' && first !== '[') return undefined;
  const value = readValue(reader);
  if (value === undefined) return undefined;
  skipSpace(reader);
  return reader.at === text.length ? value : undefined;
}

interface Reader {
  readonly text: string;
  at: number;
  depth: number;
}

const MAX_DEPTH = 64;
const BARE = /[^,\]}:[{"'\n]+(?:\([^()\n]{0,200}\))?/uy;
const SPACE = /\s*/uy;
const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['n', '\n'],
  ['t', '\t'],
  ['r', '\r'],
  ['b', '\b'],
  ['f', '\f'],
]);

function readValue(reader: Reader): Json | undefined {
  skipSpace(reader);
  const char = reader.text[reader.at];
  if (char === '"' || char === "'") return readString(reader, char);
  if (char === '{' || char === '[') {
    if (reader.depth === MAX_DEPTH) return undefined;
    reader.depth += 1;
    const value = char === '{' ? readObject(reader) : readList(reader);
    reader.depth -= 1;
    return value;
  }
  return readBare(reader);
}

function readObject(reader: Reader): Json | undefined {
  const members = new Map<string, Json>();
  reader.at += 1;
  for (;;) {
    skipSpace(reader);
    if (take(reader, '}')) return Object.fromEntries(members);
    const char = reader.text[reader.at];
    const name = char === '"' || char === "'" ? readString(reader, char) : readBare(reader);
    skipSpace(reader);
    if (name === undefined || !take(reader, ':')) return undefined;
    const value = readValue(reader);
    // Of two members with one name an object would keep one, and what is lost here is not remembered.
    if (value === undefined || members.has(nameOf(name))) return undefined;
    members.set(nameOf(name), value);
    skipSpace(reader);
    if (!take(reader, ',') && reader.text[reader.at] !== '}') return undefined;
  }
}

/** As the text has it: a bare word that is read as nothing or as a truth value is a name like any other here. */
function nameOf(name: Json): string {
  return typeof name === 'string' ? name : JSON.stringify(name);
}

function readList(reader: Reader): Json | undefined {
  const elements: Json[] = [];
  reader.at += 1;
  for (;;) {
    skipSpace(reader);
    if (take(reader, ']')) return elements;
    const value = readValue(reader);
    if (value === undefined) return undefined;
    elements.push(value);
    skipSpace(reader);
    if (!take(reader, ',') && reader.text[reader.at] !== ']') return undefined;
  }
}

function readString(reader: Reader, quote: string): string | undefined {
  const { text } = reader;
  let value = '';
  let from = reader.at + 1;
  for (let at = from; at < text.length; at += 1) {
    const char = text[at];
    if (char === quote) {
      reader.at = at + 1;
      return value + text.slice(from, at);
    }
    if (char === '\\') {
      value += text.slice(from, at);
      const escaped = readEscape(text, at + 1);
      value += escaped.value;
      at = escaped.end - 1;
      from = escaped.end;
    }
  }
  return undefined;
}

function readEscape(text: string, at: number): { readonly value: string; readonly end: number } {
  const char = text[at] ?? '';
  const digits = char === 'u' ? 4 : char === 'x' ? 2 : 0;
  const hex = text.slice(at + 1, at + 1 + digits);
  if (digits > 0 && /^[0-9a-f]+$/iu.test(hex) && hex.length === digits) {
    return { value: String.fromCharCode(Number.parseInt(hex, 16)), end: at + 1 + digits };
  }
  return { value: ESCAPES.get(char) ?? char, end: at + 1 };
}

function readBare(reader: Reader): Json | undefined {
  BARE.lastIndex = reader.at;
  const written = BARE.exec(reader.text)?.[0];
  if (written === undefined) return undefined;
  reader.at += written.length;
  const word = written.trim();
  if (word === 'null' || word === 'None') return null;
  if (word === 'true' || word === 'True') return true;
  if (word === 'false' || word === 'False') return false;
  return word;
}

function skipSpace(reader: Reader): void {
  SPACE.lastIndex = reader.at;
  SPACE.exec(reader.text);
  reader.at = SPACE.lastIndex;
}

function take(reader: Reader, char: string): boolean {
  if (reader.text[reader.at] !== char) return false;
  reader.at += 1;
  return true;
}
