/** What people ask for, taken out of a record. The record's exact text stays beside it and is what counts. */

import type { Json, JsonObject } from '@portcullis/policy/model';

/** The columns; null where a record says nothing of the kind. */
export interface RecordColumns {
  readonly record_id: string | null;
  readonly kind: string | null;
  /** A record that says no time is the oldest of all. */
  readonly at: Date;
  readonly tenant: string | null;
  readonly agent: string | null;
  /** Who asked or answered, where it was a person. */
  readonly person: string | null;
  /** `server/name`, the name alone, or the operation. */
  readonly tool: string | null;
  /** The host of a connection. */
  readonly host: string | null;
  /** Of a model call. */
  readonly model: string | null;
  /** The effect of a decision; what happened, for other kinds. */
  readonly effect: string | null;
  readonly decision_id: string | null;
  readonly release_seq: number | null;
  readonly bundle_digest: string | null;
}

/** A longer text is cut in its column, not in the record: an index entry has a bound. */
const MAX_TEXT = 512;
const KILL_SCOPE = /^(?:tenant (?<whole>\S+)|agent (?<tenant>[^\s/]+)\/(?<agent>\S+))$/;

/** Reads the columns of a record of any kind; what is not of the expected type is null. */
export function columnsOf(record: JsonObject): RecordColumns {
  const kind = textOf(record['kind']);
  const { host, model } = membersOf(record['target']);
  const scope = kind === 'kill' ? KILL_SCOPE.exec(textOf(record['scope']) ?? '')?.groups : undefined;
  return {
    record_id: textOf(record['record_id']),
    kind,
    at: timeOf(record['at']),
    tenant: textOf(record['tenant']) ?? scope?.['whole'] ?? scope?.['tenant'] ?? null,
    agent: textOf(record['agent']) ?? scope?.['agent'] ?? null,
    person: textOf(record['user']) ?? textOf(record['by']) ?? textOf(record['actor']),
    tool: toolOf(record['tool']),
    host: textOf(host),
    model: textOf(model),
    effect: textOf(record['effect']) ?? textOf(record['event']),
    decision_id: textOf(record['decision_id']),
    release_seq: numberOf(record['release_seq']),
    bundle_digest: textOf(record['bundle_digest']),
  };
}

/** PostgreSQL takes neither a zero byte nor half a surrogate pair in a text. */
function textOf(value: Json | undefined): string | null {
  return typeof value === 'string' ? value.slice(0, MAX_TEXT).toWellFormed().replaceAll('\u0000', '\u{fffd}') : null;
}

function numberOf(value: Json | undefined): number | null {
  return typeof value === 'number' && Number.isSafeInteger(value) ? value : null;
}

function timeOf(value: Json | undefined): Date {
  const at = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  // Of four digits: PostgreSQL and JavaScript do not agree on what lies outside.
  return at >= Date.UTC(1970) && at < Date.UTC(9999) ? new Date(at) : new Date(0);
}

function membersOf(value: Json | undefined): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};
}

function toolOf(value: Json | undefined): string | null {
  const { server, name, operation } = membersOf(value);
  const parts = [server, name ?? operation].filter((part) => typeof part === 'string');
  return parts.length === 0 ? null : textOf(parts.join('/'));
}
