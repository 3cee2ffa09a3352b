import type { ContextualRequest, PastAttempt } from '../../model/facts.js';
import type { Json, JsonObject } from '../../model/request.js';
import type { Field } from '../fields.js';
import { ERROR, FALSE, TRUE, type Truth } from '../truth.js';
import { GLOB_MATCH } from './glob.js';
import { compareInstants, type Instant, parseInstant } from './instant.js';
import { valueFault } from './literal.js';
import type { LinkContext, LiteralFault, OperatorRow } from './row.js';

/** What of a past attempt can be asked for. */
export const PAST_KEYS = ['kind', 'server', 'tool', 'operation', 'host', 'model', 'effect', 'labels'] as const;
type PastKey = (typeof PAST_KEYS)[number];

/** Globs for parts of a past attempt: all that are given must match. Of `labels`, one must. */
export type PastPattern = { readonly [K in PastKey]?: readonly string[] };

/** The literal of `follows`. */
export interface PastSequence {
  /** Attempts that came one after the other, with any others between them. */
  readonly steps: readonly (PastPattern & { readonly times?: number })[];
  /** An attempt after which everything before it no longer counts. */
  readonly until?: PastPattern;
  /** Only attempts of the last seconds before this one count. */
  readonly within_seconds?: number;
  /** Only so many of the last attempts count. */
  readonly within_calls?: number;
}

/**
 * `follows`: the session's history holds a sequence of attempts. The time of this attempt is `context.timestamp`: a
 * condition that limits the seconds asks for that field as well, so that it is known to be read.
 */
export const FOLLOWS: OperatorRow = {
  fields: ['object'],
  internal: true,
  check: sequenceFault,
  link: (literal, field, context) => {
    const { steps, until, within_seconds, within_calls } = literal as unknown as PastSequence;
    const walk = {
      steps: steps.map((step) => ({ matches: linkPattern(step, field, context), times: step.times ?? 1 })),
      ends: until === undefined ? () => false : linkPattern(until, field, context),
    };
    return (value, request) => {
      if (!Array.isArray(value) || !value.every(isAttempt)) return ERROR;
      const recent = within_calls === undefined ? value : value.slice(-within_calls);
      if (within_seconds === undefined) return walkHistory(recent, walk);
      const counted = since(recent, request, within_seconds);
      return counted === undefined ? ERROR : walkHistory(counted, walk);
    };
  },
};

type AttemptTest = (attempt: PastAttempt) => boolean;

interface Walk {
  readonly steps: readonly { readonly matches: AttemptTest; readonly times: number }[];
  readonly ends: AttemptTest;
}

/** The earliest match of each step leaves the most room for the next one, so one pass over the history is enough. */
function walkHistory(history: readonly PastAttempt[], { steps, ends }: Walk): Truth {
  let step = 0;
  let seen = 0;
  for (const attempt of history) {
    if (ends(attempt)) {
      step = 0;
      seen = 0;
    }
    const current = steps[step];
    if (current?.matches(attempt) !== true) continue;
    seen += 1;
    if (seen < current.times) continue;
    step += 1;
    seen = 0;
    // An end may still come, so the rest is looked at as well.
  }
  return step === steps.length ? TRUE : FALSE;
}

function since(
  history: readonly PastAttempt[],
  request: ContextualRequest,
  seconds: number,
): readonly PastAttempt[] | undefined {
  const now = instantOf(request.context?.timestamp);
  if (now === undefined) return undefined;
  const earliest: Instant = { ms: now.ms - seconds * 1000, ns: now.ns };
  const counted: PastAttempt[] = [];
  for (const attempt of history) {
    const at = instantOf(attempt.at);
    // An attempt of unknown time may be one that counts.
    if (at === undefined) return undefined;
    if (compareInstants(at, earliest) >= 0) counted.push(attempt);
  }
  return counted;
}

function instantOf(text: unknown): Instant | undefined {
  return typeof text === 'string' ? parseInstant(text) : undefined;
}

function linkPattern(pattern: PastPattern, field: Field, context: LinkContext): AttemptTest {
  const tests = PAST_KEYS.flatMap((key) => {
    const globs = pattern[key];
    if (globs === undefined) return [];
    const matches = GLOB_MATCH.link(globs, field, context);
    return [{ key, matches: (text: string, request: ContextualRequest) => matches(text, request) === TRUE }];
  });
  return (attempt) =>
    tests.every(({ key, matches }) => {
      const value = attempt[key];
      if (value === undefined) return false;
      return typeof value === 'string' ? matches(value, NOBODY) : value.some((label) => matches(label, NOBODY));
    });
}

/** A glob asks a text only. */
const NOBODY = {} as ContextualRequest;

function isAttempt(value: Json): value is Json & PastAttempt {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && PAST_KEYS.every((key) => isText(value, key))
  );
}

function isText(attempt: Json, key: PastKey): boolean {
  const value = (attempt as JsonObject)[key];
  if (value === undefined) return true;
  if (key !== 'labels') return typeof value === 'string';
  return Array.isArray(value) && value.every((label) => typeof label === 'string');
}

function sequenceFault(literal: Json | undefined, field: Field): LiteralFault | undefined {
  const { steps, until } = (literal ?? {}) as JsonObject;
  if (!Array.isArray(steps) || steps.length === 0) return valueFault('expected at least one step', 'steps');
  const patterns: readonly (readonly [at: readonly (string | number)[], pattern: JsonObject])[] = [
    ...(steps as readonly JsonObject[]).map((step, index) => [['steps', index], step] as const),
    ...(until === undefined ? [] : [[['until'], until as JsonObject] as const]),
  ];
  for (const [at, pattern] of patterns) {
    for (const key of PAST_KEYS) {
      const fault = pattern[key] === undefined ? undefined : GLOB_MATCH.check(pattern[key], field);
      if (fault !== undefined) return { ...fault, at: [...at, key, ...fault.at] };
    }
  }
  return undefined;
}
