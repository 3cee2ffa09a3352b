/** Collects what is wrong with one message while it is decoded, so that one look tells everything. */

import type { Checked, Problem } from '@portcullis/policy/model';
import type { EnumPair } from './enums.js';

/** Why a message was not understood. Stable codes. */
export type FindingCode =
  | 'ERR_WIRE_MISSING'
  | 'ERR_WIRE_TYPE'
  | 'ERR_WIRE_ENUM'
  | 'ERR_WIRE_NUMBER'
  | 'ERR_WIRE_JSON'
  | 'ERR_WIRE_DIGEST'
  | 'ERR_WIRE_CONTRADICTION';

/** The problems of one message, in the order of reading. */
export type Findings = Problem[];

/** Adds a problem. */
export function found(findings: Findings, code: FindingCode, path: string, message: string): void {
  findings.push({ code, path, message });
}

/** A value only if nothing is wrong with any part of it. */
export function settle<T>(findings: Findings, value: T): Checked<T> {
  return findings.length === 0 ? { ok: true, value } : { ok: false, problems: findings };
}

/** `path.name`, or `name` at the root. */
export function join(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}

/** The peer's value, shortened: it may be anything, and it ends up in logs. */
function shown(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? JSON.stringify(value).slice(0, 64) : typeof value;
}

/**
 * Reads an enum that must be there.
 * Unspecified, unknown (which arrives as a number) and absent are problems; `fallback` then stands in for the value,
 * and since the message as a whole is refused, it is never seen.
 */
export function readEnum<Domain extends string>(
  value: unknown,
  pair: EnumPair<Domain, string>,
  fallback: Domain,
  path: string,
  findings: Findings,
): Domain {
  const member = pair.fromWire.get(value);
  if (member !== undefined) return member;
  if (value === undefined) found(findings, 'ERR_WIRE_MISSING', path, `${pair.about} is not specified`);
  else found(findings, 'ERR_WIRE_ENUM', path, `${shown(value)} is not a known ${pair.about}`);
  return fallback;
}

/** Reads an enum that may be absent; absent and `*_UNSPECIFIED` are the same thing in proto3. */
export function readOptionalEnum<Domain extends string>(
  value: unknown,
  pair: EnumPair<Domain, string>,
  path: string,
  findings: Findings,
): Domain | undefined {
  if (value === undefined || (typeof value === 'string' && value.endsWith('_UNSPECIFIED'))) return undefined;
  const member = pair.fromWire.get(value);
  if (member === undefined) {
    found(findings, 'ERR_WIRE_ENUM', path, `${shown(value)} is not a known ${pair.about}`);
  }
  return member;
}

/** Reads text; absent is the empty text, as in proto3. */
export function readText(value: unknown, path: string, findings: Findings): string {
  if (value === undefined) return '';
  if (typeof value === 'string') return value;
  found(findings, 'ERR_WIRE_TYPE', path, `expected text, found ${typeof value}`);
  return '';
}

/** Reads text that must not be empty. */
export function readRequiredText(value: unknown, path: string, findings: Findings): string {
  const text = readText(value, path, findings);
  if (text === '') found(findings, 'ERR_WIRE_MISSING', path, 'is missing or empty');
  return text;
}

/** Reads a required instant, in the form that records have: who sorts them compares texts. */
export function readInstant(value: unknown, path: string, findings: Findings): string {
  const text = readRequiredText(value, path, findings);
  const at = Date.parse(text);
  if (Number.isNaN(at) || new Date(at).toISOString() !== text) {
    found(findings, 'ERR_WIRE_TYPE', path, 'expected an instant such as 2026-01-01T00:00:00.000Z');
  }
  return text;
}

/** Reads a finite number; absent is 0, as in proto3. */
export function readNumber(value: unknown, path: string, findings: Findings): number {
  if (value === undefined) return 0;
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  found(findings, 'ERR_WIRE_NUMBER', path, `expected a finite number, found ${shown(value)}`);
  return 0;
}

/** Reads a repeated field; absent is empty, as in proto3. */
export function readList<Element, T>(
  value: readonly Element[] | undefined,
  path: string,
  findings: Findings,
  read: (element: Element, path: string, findings: Findings) => T,
): readonly T[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) {
    found(findings, 'ERR_WIRE_TYPE', path, `expected a list, found ${typeof value}`);
    return [];
  }
  return value.map((element: Element, index) => read(element, `${path}[${index}]`, findings));
}
