/** Redaction of a JSON document: what is found in its values changes, and not one byte besides. */

import { hasWords } from '../find.js';
import { isOpenAfterQuote, leastBareDigits } from '../finder.js';
import { distinctNames } from './distinct-names.js';
import { decodeString, type JsonToken, placesInToken, walkJson } from './json-walk.js';
import {
  ALL_PARTS,
  applyEdits,
  type Edit,
  findableParts,
  NO_PARTS,
  type RedactionRules,
  replaced,
  type Span,
  textEdits,
  textSpans,
} from './text.js';

/** What to do with a document. */
export interface JsonRedaction {
  /** What is looked for in the values; nothing when absent. */
  readonly rules?: RedactionRules;
  /** Whether the text or number at a path is looked into; all are when absent. */
  readonly isSearched?: (path: readonly string[]) => boolean;
  /** Whether the value at a path is masked whatever it is. */
  readonly isMasked?: (path: readonly string[]) => boolean;
  /** Whether names of members are searched too, where values are; false when absent. Two that become the same are told apart. */
  readonly names?: boolean;
  /** Findings of others in a text. */
  readonly extra?: (text: string) => readonly Span[];
}

/** The type under which masked fields are counted. */
export const FIELD_TYPE = 'FIELD';
/** What a masked value turns into. */
const MASKED = '"***"';
/** JSON in a string of JSON in a string: so many times. */
const MAX_NESTED = 4;
/** Levels of lists and objects. */
const MAX_DEPTH = 512;
const CONTEXT_NAME = 40;
/** A number whose digits are not all written. */
const EXPONENTIAL = /\d[eE][+-]?\d{1,3}(?:[\s,\]}]|$)/;
/** Names whose values are secrets, however they look. */
const SECRET_NAME =
  /(?:^|[_-])(?:password|passwd|pwd|passphrase|secret|api_?key|access_?token|auth_?token|private_?key)$/i;

/**
 * The changes that redact a JSON document.
 * @param source valid JSON
 * @throws RangeError when it is nested more than 512 deep
 */
export function jsonEdits(source: string, redaction: JsonRedaction): readonly Edit[] {
  return documentEdits(source, redaction, 0);
}

/** A JSON document, redacted. See {@link jsonEdits}. */
export function redactJson(source: string, redaction: JsonRedaction): string {
  return applyEdits(source, jsonEdits(source, redaction));
}

/**
 * A text, redacted as the value of a member would be: JSON is read as JSON, and what the member is called says what it is.
 * @throws RangeError when it is JSON that is nested more than 512 deep
 */
export function redactValue(text: string, name: string, redaction: JsonRedaction): string {
  const edits = isJsonText(text) ? documentEdits(text, redaction, 1) : valueEdits(text, name, redaction);
  return applyEdits(text, edits);
}

function documentEdits(source: string, redaction: JsonRedaction, nested: number): readonly Edit[] {
  const { rules, isSearched, isMasked, extra, names } = redaction;
  // An escape may hide what is looked for, and what others find needs no anchor.
  const isPlain =
    extra === undefined && !source.includes('\\u') && !source.includes('\\/') && !EXPONENTIAL.test(source);
  const parts = rules === undefined ? NO_PARTS : isPlain ? findableParts(source, rules) : ALL_PARTS;
  if (isMasked === undefined && !parts.may(0, source.length) && !parts.mayIfNamed(0, source.length)) return [];
  const isNameFound = remembered(
    (name) => rules !== undefined && findableParts(contextOf(name), rules).may(0, Number.POSITIVE_INFINITY),
  );
  const hasNameWords = remembered((name) => rules !== undefined && hasWords(contextOf(name), rules.finder));
  const mayHold = ({ kind, start, end, path }: JsonToken): boolean => {
    const name = path.at(-1) ?? '';
    if (parts.may(start, end) || isNameFound(name)) return true;
    // JSON in a string has names of its own.
    return (
      parts.mayIfNamed(start, end) && (hasNameWords(name) || (kind !== 'number' && mayBeDocument(source, start + 1)))
    );
  };
  const isNothing = shortNumbers(redaction);
  const nameEdit = names === true && rules !== undefined ? renaming(rules, source) : undefined;
  if (depthOf(source) > MAX_DEPTH) throw new RangeError('nested too deep to redact');
  const edits: Edit[] = [];
  walkJson(source, {
    enter(path, range) {
      if (isMasked?.(path) !== true) return true;
      const { start, end } = range();
      if (source.slice(start, end) !== 'null') edits.push({ start, end, type: FIELD_TYPE, text: MASKED });
      return false;
    },
    leaf(token) {
      if (token.kind === 'name') {
        const isNamed = nameEdit !== undefined && isSearched?.(token.path) !== false && mayHold(token);
        const edit = isNamed ? nameEdit(token) : undefined;
        if (edit !== undefined) edits.push(edit);
        return;
      }
      const isLooked = isSearched?.(token.path) !== false;
      // What is searched may be in the JSON that a string holds, though the string is not.
      if (!isLooked && (token.kind !== 'string' || !mayBeDocument(source, token.start + 1))) return;
      // What is masked may be in the JSON that a string holds.
      if (isMasked === undefined && !mayHold(token)) return;
      if (token.kind === 'number' && isNothing(source, token)) return;
      for (const edit of leafEdits(source, token, redaction, { nested, isLooked })) edits.push(edit);
    },
  });
  return edits;
}

/** Asked once for each name. */
function remembered(ask: (name: string) => boolean): (name: string) => boolean {
  const known = new Map<string, boolean>();
  return (name) => {
    const answer = known.get(name) ?? ask(name);
    known.set(name, answer);
    return answer;
  };
}

/**
 * Tells numbers that cannot be anything: digits, fewer than anything has that is nothing but digits, after a name with which nothing
 * begins. Identifiers and amounts are many, and each would be a text of its own.
 */
function shortNumbers({ rules, extra }: JsonRedaction): (source: string, number: JsonToken) => boolean {
  if (rules === undefined || extra !== undefined || rules.custom.length > 0) return () => false;
  let least: number | undefined;
  const isOpenName = remembered((name) => SECRET_NAME.test(name) || isOpenAfterQuote(contextOf(name), rules.finder));
  return (source, { start, end, path }) => {
    least ??= leastBareDigits(rules.finder);
    return end - start < least && isDigits(source, start, end) && !isOpenName(path.at(-1) ?? '');
  };
}

function isDigits(source: string, start: number, end: number): boolean {
  for (let at = start; at < end; at += 1) {
    const code = source.charCodeAt(at);
    if (code < 0x30 || code > 0x39) return false;
  }
  return true;
}

function depthOf(source: string): number {
  let depth = 0;
  let deepest = 0;
  for (let at = 0; at < source.length; at += 1) {
    const code = source.charCodeAt(at);
    // Brackets in strings count as well: the limit is far away.
    if (code === 0x7b || code === 0x5b) {
      depth += 1;
      deepest = Math.max(deepest, depth);
    } else if (code === 0x7d || code === 0x5d) depth -= 1;
  }
  return deepest;
}

/** Changes names of members: what is found in one goes, and a name that is there more than once goes the same way each time. */
function renaming(rules: RedactionRules, source: string): (token: JsonToken) => Edit | undefined {
  const known = new Map<string, string>();
  const distinct = distinctNames(() => namesIn(source));
  return ({ start, end, path }) => {
    const name = path.at(-1) ?? '';
    const found = textEdits(name, rules);
    const [first] = found;
    if (first === undefined) return undefined;
    const redacted = applyEdits(name, found);
    if (redacted === name) return undefined;
    const own = known.get(name) ?? distinct(redacted);
    known.set(name, own);
    return { start, end, type: first.type, text: JSON.stringify(own) };
  };
}

function namesIn(source: string): ReadonlySet<string> {
  const names = new Set<string>();
  walkJson(source, {
    enter: () => true,
    leaf({ kind, path }) {
      if (kind === 'name') names.add(path.at(-1) ?? '');
    },
  });
  return names;
}

/** A number as it is read: `4.1e3` is 4100. */
function digitsOf(written: string): string {
  const value = Number(written);
  return /e/i.test(written) && Number.isInteger(value) ? String(value) : written;
}

function leafEdits(
  source: string,
  token: JsonToken,
  redaction: JsonRedaction,
  { nested, isLooked }: { readonly nested: number; readonly isLooked: boolean },
): readonly Edit[] {
  const { start, end, kind, path } = token;
  const written = source.slice(start, end);
  const name = path.at(-1) ?? '';
  if (kind === 'number') {
    const digits = digitsOf(written);
    if (!/\d.?\d.?\d.?\d/.test(digits)) return [];
    const found = valueEdits(digits, name, redaction);
    const [first] = found;
    return first === undefined
      ? []
      : [{ start, end, type: first.type, text: JSON.stringify(applyEdits(digits, found)) }];
  }
  const text = decodeString(written);
  const inner =
    nested < MAX_NESTED && isJsonText(text) ? documentEdits(text, below(redaction, path), nested + 1) : undefined;
  const found = inner ?? (isLooked ? valueEdits(text, name, redaction) : []);
  if (found.length === 0) return [];
  const places = placesInToken(written);
  return found.map((edit) => ({
    ...edit,
    start: start + (places[edit.start] ?? 0),
    end: start + (places[edit.end] ?? 0),
    text: JSON.stringify(edit.text).slice(1, -1),
  }));
}

/** For the JSON that a string at a path holds: its members are below that path. */
function below(redaction: JsonRedaction, path: readonly string[]): JsonRedaction {
  const { isSearched, isMasked } = redaction;
  return {
    ...redaction,
    ...(isSearched === undefined ? {} : { isSearched: (inner) => isSearched([...path, ...inner]) }),
    ...(isMasked === undefined ? {} : { isMasked: (inner) => isMasked([...path, ...inner]) }),
  };
}

/** Whether a string whose source begins there may be JSON: white space, also escaped, and then what JSON begins with. */
function mayBeDocument(source: string, start: number): boolean {
  const first = source.charCodeAt(start);
  return first === 0x5b || first === 0x7b || first === 0x5c || first <= 0x20;
}

/** Whether a text is read as JSON: an object, a list or a text in JSON, and nothing around it. */
export function isJsonText(text: string): boolean {
  if (!/^\s*[[{"]/.test(text)) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** The name of a value is what stands before it: it says what the value is. */
function valueEdits(text: string, name: string, { rules, extra }: JsonRedaction): readonly Edit[] {
  if (rules === undefined || text === '') return [];
  const secret = rules.finder.recognisers.some(({ recogniser }) => recogniser.type === 'PASSWORD');
  const others = extra?.(text) ?? [];
  if (secret && SECRET_NAME.test(name)) {
    return [{ start: 0, end: text.length, type: 'PASSWORD', text: rules.replace(text, 'PASSWORD') }];
  }
  const before = contextOf(name);
  const shifted = others.map((span) => ({ ...span, start: span.start + before.length, end: span.end + before.length }));
  const spans = textSpans(before + text, rules, shifted)
    .filter(({ end }) => end > before.length)
    .map((span) => ({ ...span, start: Math.max(0, span.start - before.length), end: span.end - before.length }));
  return replaced(text, spans, rules);
}

function contextOf(name: string): string {
  if (name === '') return '';
  const own = name.slice(-CONTEXT_NAME);
  const spaced = own.replaceAll(/[_-]|(?<=[a-z])(?=[A-Z])/g, ' ');
  return `${spaced === own ? '' : `${spaced} `}${own}": "`;
}

/** How many were found, by type. */
export function countTypes(edits: readonly Edit[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { type } of edits) counts[type] = (counts[type] ?? 0) + 1;
  return counts;
}
