/** What is kept of a session: the model's state, and what it takes to count every attempt and every result once. */

import type { DecisionEffect, PastAttempt } from '@portcullis/policy/model';
import { emptySession, type SessionState } from './model/state.js';

/** An allowed attempt whose result is awaited, or came. */
export interface Awaited {
  readonly attempt: string;
  /** The request, sealed (see `sealer.ts`); gone once its result came. */
  readonly request?: string;
}

/** What is kept. JSON. */
export interface SessionRecord {
  readonly format: 1;
  /** Changes so far. A keeper that shows a lower number than before has lost some. */
  readonly sequence: number;
  /** `<attempt>:<effect>` of the last attempts, so that a retry and a hedge count once. */
  readonly seen: readonly string[];
  readonly awaited: readonly Awaited[];
  /**
   * Of the attempts that the state has no room for any more: the first and the last of each kind, oldest first. So what was
   * done once is not undone by doing other things often. `undefined` once there were too many kinds: then nobody knows.
   */
  readonly elders?: readonly PastAttempt[];
  readonly state: SessionState;
}

/** Attempts that are known to have been counted; a repetition comes within milliseconds. */
const MAX_SEEN = 256;
/** Results that are awaited or came; older ones cannot be reported any more, and so never reach the agent. */
const MAX_AWAITED = 128;
/** Characters of sealed requests. */
const MAX_SEALED = 256 * 1024;
const MAX_ELDERS = 512;

/** Of a session of which nothing is known yet. */
export function emptyRecord(): SessionRecord {
  return { format: 1, sequence: 0, seen: [], awaited: [], elders: [], state: emptySession() };
}

/** An attempt's name within its session: 128 bits of the request's digest. */
export function attemptName(requestDigestHex: string): string {
  return requestDigestHex.slice(0, 32);
}

/** Whether the attempt was counted with this outcome. */
export function hasSeen(record: SessionRecord, attempt: string, effect: DecisionEffect): boolean {
  return record.seen.includes(`${attempt}:${effect}`);
}

/** The record with an attempt counted. `awaits`: its sealed request, where its result will be reported. */
export function withAttempt(
  record: SessionRecord,
  attempt: string,
  effect: DecisionEffect,
  state: SessionState,
  awaits: string | undefined,
): SessionRecord {
  const gone = record.state.attempts.slice(0, record.state.attempts.length + 1 - state.attempts.length);
  const { elders: before, ...rest } = record;
  const elders = gone.reduce(withElder, before);
  const awaited = awaits === undefined ? record.awaited : [...record.awaited, { attempt, request: awaits }];
  return {
    ...rest,
    sequence: record.sequence + 1,
    seen: [...record.seen, `${attempt}:${effect}`].slice(-MAX_SEEN),
    awaited: bounded(awaited),
    ...(elders === undefined ? {} : { elders }),
    state,
  };
}

/** What is known of the attempt's result. */
export function awaitedBy(record: SessionRecord, attempt: string): Awaited | undefined {
  return record.awaited.findLast((one) => one.attempt === attempt);
}

/** The record with the result of an attempt. */
export function withResult(record: SessionRecord, { attempt }: Awaited, state: SessionState): SessionRecord {
  const awaited = record.awaited.map((one) => (one.attempt === attempt ? { attempt } : one));
  return { ...record, sequence: record.sequence + 1, awaited, state };
}

function bounded(awaited: readonly Awaited[]): readonly Awaited[] {
  let left = MAX_SEALED;
  let from = awaited.length;
  while (from > 0 && awaited.length - from < MAX_AWAITED) {
    left -= awaited[from - 1]?.request?.length ?? 0;
    if (left < 0) break;
    from -= 1;
  }
  return awaited.slice(from);
}

function withElder(
  elders: readonly PastAttempt[] | undefined,
  attempt: PastAttempt,
): readonly PastAttempt[] | undefined {
  if (elders === undefined) return undefined;
  const kind = kindOfPast(attempt);
  const alike = elders.flatMap((elder, index) => (kindOfPast(elder) === kind ? [index] : []));
  const replaced = alike.length < 2 ? elders : elders.toSpliced(alike[1] ?? 0, 1);
  return replaced.length >= MAX_ELDERS ? undefined : [...replaced, attempt];
}

function kindOfPast({ kind, server, tool, operation, host, model, effect, labels }: PastAttempt): string {
  return JSON.stringify([kind, server, tool, operation, host, model, effect, labels]);
}

/** The record that a keeper has as text; `undefined` for what nobody here wrote. */
export function readRecord(text: string): SessionRecord | undefined {
  try {
    const value = JSON.parse(text) as Partial<SessionRecord> | null;
    const isOurs =
      value?.format === 1 &&
      Number.isSafeInteger(value.sequence) &&
      Array.isArray(value.seen) &&
      Array.isArray(value.awaited) &&
      (value.elders === undefined || Array.isArray(value.elders)) &&
      value.state?.format === emptySession().format;
    return isOurs ? (value as SessionRecord) : undefined;
  } catch {
    return undefined;
  }
}
