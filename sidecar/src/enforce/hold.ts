/** What a held attempt waits for, out of the decision that holds it (contracts §7). */

import type { Decision, JsonObject } from '@portcullis/policy/model';

/** What the caller of a held attempt is told, so that it can go on. */
export interface Hold {
  /** Of the approval that the same attempt, made again, attaches to. */
  readonly approval_id: string;
  readonly state?: string;
  /** RFC 3339. */
  readonly expires_at?: string;
  /** Where the PDPs' HTTPS port tells the state. */
  readonly poll?: string;
  /** Seconds between two looks that make sense. */
  readonly poll_seconds?: number;
  /** Who is asked. */
  readonly asked: readonly JsonObject[];
}

/** The hold; `undefined` when the decision names no approval: nobody can agree to it then. */
export function holdOf({ conditions }: Decision): Hold | undefined {
  const values = conditions.flatMap(({ type, value }): readonly JsonObject[] =>
    (type === 'require_approval' || type === 'require_hitl') && isObject(value) ? [value] : [],
  );
  const first = values[0];
  const id = first?.['approval_id'];
  if (first === undefined || typeof id !== 'string' || id === '') return undefined;
  const { state, expires_at, poll, poll_seconds } = first;
  return {
    approval_id: id,
    ...(typeof state === 'string' ? { state } : {}),
    ...(typeof expires_at === 'string' ? { expires_at } : {}),
    ...(typeof poll === 'string' ? { poll } : {}),
    ...(typeof poll_seconds === 'number' ? { poll_seconds } : {}),
    asked: values.map(askedOf),
  };
}

function askedOf(value: JsonObject): JsonObject {
  const kept = ['role', 'group', 'quorum'].filter((name) => Object.hasOwn(value, name));
  return Object.fromEntries(kept.map((name) => [name, value[name] ?? null]));
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
