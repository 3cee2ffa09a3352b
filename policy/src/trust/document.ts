/**
 * Small signed or sent JSON documents. A document must be exactly what `JSON.stringify` would write for it, so there is
 * one way to read the bytes: no duplicate keys, no byte order mark, no second spelling of a number.
 */

import type { z } from 'zod';
import type { Checked, Problem } from '../model/index.js';

const DANGEROUS_KEYS: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

/** Says what is wrong with a document. */
export function problem(code: string, message: string, path = ''): Problem {
  return { code, message, path };
}

/** A refusal with one problem. */
export function refused(
  code: string,
  message: string,
  path = '',
): { readonly ok: false; readonly problems: readonly Problem[] } {
  return { ok: false, problems: [problem(code, message, path)] };
}

/** The bytes of a document. */
export function encodeDocument(value: object): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

/** The message of whatever a library threw. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * Reads a document strictly and checks it against `schema`. All problems have `code`.
 * @param maxBytes refuses more before anything is decoded.
 */
export function parseDocument<T>(
  bytes: Uint8Array,
  schema: z.ZodType<T>,
  { code, maxBytes }: { readonly code: string; readonly maxBytes: number },
): Checked<T> {
  if (bytes.byteLength > maxBytes) return refused(code, `the document has more than ${maxBytes} bytes`);
  let value: unknown;
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    value = JSON.parse(text);
    if (JSON.stringify(value) !== text) {
      return refused(code, 'the document is not compact JSON with unique keys, as JSON.stringify writes it');
    }
    if (hasDangerousKey(value)) return refused(code, 'the document has a key that names a prototype');
  } catch (error) {
    // Also where nesting exhausts the stack.
    return refused(code, `the document is not JSON: ${messageOf(error)}`);
  }
  const checked = schema.safeParse(value);
  if (checked.success) return { ok: true, value: checked.data };
  return {
    ok: false,
    problems: checked.error.issues.map((issue) => problem(code, issue.message, issue.path.map(String).join('.'))),
  };
}

function hasDangerousKey(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (Array.isArray(value)) return value.some(hasDangerousKey);
  return Object.entries(value).some(([key, child]) => DANGEROUS_KEYS.has(key) || hasDangerousKey(child));
}
