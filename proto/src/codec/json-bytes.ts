/**
 * Free-form JSON as the bytes of a strict document (ADR-0004).
 *
 * The bytes must be exactly how ECMAScript writes the value that they parse to, or exactly its RFC 8785 form; the two
 * differ only in the order of members. Whatever two parsers could read differently is thereby refused without a parser
 * of our own: a duplicate member, a number that loses digits, needless escapes, white space and a byte order mark all
 * write back as other bytes.
 */

import { isUtf8 } from 'node:buffer';
import type { Json, JsonObject } from '@portcullis/policy/model';
import { canonicalText } from './canonical-text.js';
import { type Findings, found } from './findings.js';

/** How deep arrays and objects may nest (contracts §1). */
export const MAX_JSON_DEPTH = 64;

/** Names that reach an object's prototype when a value is copied or merged carelessly. */
const PROTOTYPE_NAMES: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

/**
 * The bytes of a value.
 * @param value JSON as the strict parser yields it; for anything else (a lone surrogate, NaN) the bytes are refused by
 *   {@link readJson} or change the request's digest, so the question ends as a denial
 */
export function writeJson(value: Json): Buffer {
  return Buffer.from(JSON.stringify(value), 'utf8');
}

/** Says what keeps `value` from being strict JSON, or nothing. */
function objection(value: Json, depth: number, escapes: boolean): string | undefined {
  if (typeof value === 'string') return escapes && !value.isWellFormed() ? 'a lone surrogate' : undefined;
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) return 'a number that is not finite';
    // 1e21 and above are written with an exponent, which nobody reads as an integer.
    const unsafe = Number.isInteger(value) && !Number.isSafeInteger(value) && Math.abs(value) < 1e21;
    return unsafe ? 'an integer outside ±(2^53-1)' : undefined;
  }
  if (value === null || typeof value !== 'object') return undefined;
  if (depth >= MAX_JSON_DEPTH) return `nesting deeper than ${MAX_JSON_DEPTH}`;
  if (Array.isArray(value)) {
    for (const element of value as readonly Json[]) {
      const reason = objection(element, depth + 1, escapes);
      if (reason !== undefined) return reason;
    }
    return undefined;
  }
  const members = value as JsonObject;
  for (const name of Object.keys(members)) {
    if (PROTOTYPE_NAMES.has(name)) return `the member name ${name}`;
    if (escapes && !name.isWellFormed()) return 'a lone surrogate';
    const reason = objection(members[name] as Json, depth + 1, escapes);
    if (reason !== undefined) return reason;
  }
  return undefined;
}

function parse(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

/** RFC 8785 orders members by code unit, ECMAScript puts integer-like names first; either order is a faithful form. */
function isFaithful(value: Json, text: string): boolean {
  return JSON.stringify(value) === text || canonicalText(value) === text;
}

/** Reads the bytes of a JSON value; `undefined` and a problem when they are anything else. */
export function readJson(bytes: unknown, path: string, findings: Findings): Json | undefined {
  const refuse = (reason: string): undefined => {
    found(findings, 'ERR_WIRE_JSON', path, reason);
    return undefined;
  };
  if (!(bytes instanceof Uint8Array)) return refuse(`expected bytes of JSON, found ${typeof bytes}`);
  if (!isUtf8(bytes)) return refuse('is not UTF-8');
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  const value = parse(text);
  if (value === undefined) return refuse('is not JSON');
  // Before the value is written back: writing recurses, and depth is what the peer chose. A lone surrogate can only hide
  // behind an escape, since the bytes are UTF-8.
  const reason = objection(value, 0, text.includes('\\ud') || text.includes('\\uD'));
  if (reason !== undefined) return refuse(`contains ${reason}`);
  if (!isFaithful(value, text)) {
    return refuse('is not written in its only form (duplicate members, white space, escapes, number format)');
  }
  return value;
}

/** Reads the bytes of a JSON object. */
export function readJsonObject(bytes: unknown, path: string, findings: Findings): JsonObject | undefined {
  const value = readJson(bytes, path, findings);
  if (value === undefined) return undefined;
  if (value !== null && typeof value === 'object' && !Array.isArray(value)) return value as JsonObject;
  found(findings, 'ERR_WIRE_JSON', path, 'expected a JSON object');
  return undefined;
}
