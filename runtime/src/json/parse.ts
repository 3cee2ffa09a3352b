import { isUtf8 } from 'node:buffer';
import { type Finding, PROTOTYPE_KEYS } from './finding.js';
import { DEFAULT_JSON_LIMITS, type Json, type JsonLimits, type JsonRefusal, type StrictJson } from './json.js';
import { lexJson } from './lex.js';
import { locateFinding } from './locate.js';

/** Longer documents are refused without the exact place. */
const MAX_LOCATED_LENGTH = 256 * 1024;

/**
 * Parses one JSON document (RFC 8259) from raw bytes, or says why not. Refused besides broken grammar: invalid UTF-8,
 * a byte order mark, duplicate keys at any depth (compared after unescaping), lone surrogates also when escaped,
 * integers beyond ±(2^53 - 1) and numbers that are not finite, the keys `__proto__`, `constructor`, `prototype`,
 * bytes after the value, and anything beyond `limits`. Never throws for any input; linear in its length.
 * The offset of a broken grammar or key is exact in documents up to 256 KiB, else 0.
 */
export function parseStrictJson(bytes: Uint8Array, limits: Partial<JsonLimits> = {}): StrictJson {
  const caps = { ...DEFAULT_JSON_LIMITS, ...limits };
  if (bytes.length > caps.maxBytes) return refusal('size', 'document is larger than allowed', caps.maxBytes);
  if (bytes.length >= 2 && startsWithMark(bytes)) return refusal('encoding', 'byte order mark', 0);
  if (!isUtf8(bytes)) return refusal('encoding', 'not valid UTF-8', firstBadByte(bytes));

  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  const { finding, members } = lexJson(text, caps);
  if (finding !== undefined) return refuse(text, finding.kind === 'syntax' ? located(text, finding) : finding);

  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch {
    // The engine's message quotes the document, so it is not passed on.
    return refuse(text, located(text, { kind: 'syntax', reason: 'not valid JSON', index: 0 }));
  }
  // Every member of the text is a member of the value, or a later one has replaced an earlier one.
  const count = countMembers(value);
  if (count === members) return { ok: true, value };
  const isReserved = Number.isNaN(count);
  const kind = isReserved ? 'prototype_key' : 'duplicate_key';
  const reason = isReserved ? 'key is reserved' : 'key appears twice in one object';
  return refuse(text, located(text, { kind, reason, index: 0 }));
}

/** The finding with its place; a large document is not worth the second reading, which would let a caller buy time. */
function located(text: string, finding: Finding): Finding {
  return text.length > MAX_LOCATED_LENGTH ? finding : (locateFinding(text) ?? finding);
}

/** Counts the members of all objects; a reserved key makes the count wrong on purpose. */
function countMembers(value: Json): number {
  if (typeof value !== 'object' || value === null) return 0;
  let count = 0;
  if (Array.isArray(value)) {
    for (const element of value as readonly Json[]) {
      if (typeof element === 'object' && element !== null) count += countMembers(element);
    }
    return count;
  }
  const object = value as Readonly<Record<string, Json>>;
  for (const key of Object.keys(object)) {
    if (PROTOTYPE_KEYS.has(key)) return Number.NaN;
    count += 1;
    const member = object[key];
    if (typeof member === 'object' && member !== null) count += countMembers(member);
  }
  return count;
}

function startsWithMark(bytes: Uint8Array): boolean {
  const [first, second, third] = bytes;
  return (
    (first === 0xef && second === 0xbb && third === 0xbf) ||
    (first === 0xfe && second === 0xff) ||
    (first === 0xff && second === 0xfe)
  );
}

/** Where the first ill-formed sequence begins, by halving: a byte-wise walk would let a caller buy a long stall. */
function firstBadByte(bytes: Uint8Array): number {
  let good = 0;
  let bad = bytes.length + 1;
  while (bad - good > 1) {
    const middle = (good + bad) >> 1;
    if (wellFormedLength(bytes, middle) !== undefined) good = middle;
    else bad = middle;
  }
  return wellFormedLength(bytes, good) ?? 0;
}

/** The length of the well-formed part, at most three bytes shorter than `length`: a cut may split a sequence. */
function wellFormedLength(bytes: Uint8Array, length: number): number | undefined {
  for (let end = length; end >= 0 && end >= length - 3; end -= 1) {
    if (isUtf8(bytes.subarray(0, end))) return end;
  }
  return undefined;
}

function refuse(text: string, finding: Finding): JsonRefusal {
  return refusal(finding.kind, finding.reason, Buffer.byteLength(text.slice(0, finding.index)));
}

function refusal(kind: JsonRefusal['kind'], reason: string, offset: number): JsonRefusal {
  return { ok: false, kind, reason, offset };
}
