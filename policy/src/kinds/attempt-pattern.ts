import { z } from 'zod';
import { PAST_KEYS, type PastPattern } from '../dsl/operators/follows.js';
import { DECISION_EFFECTS } from '../model/decision.js';
import { ATTEMPT_KINDS, type JsonObject } from '../model/request.js';
import { all, oneOf, wildcards } from './condition-text.js';
import { oneOrMore, strictConfig, wildcardName, wordOf } from './config-values.js';

/** Where an attempt that is being decided has what a past one says. */
const FIELDS = {
  kind: 'kind',
  server: 'tool.server',
  tool: 'tool.name',
  operation: 'tool.operation',
  host: 'egress.host',
  model: 'request.model',
} as const;
type PresentKey = keyof typeof FIELDS;
const PRESENT_KEYS = Object.keys(FIELDS) as readonly PresentKey[];

const SOME = 'an attempt is described by at least one of its parts';
const words = (what: string) =>
  oneOrMore(wildcardName('tool.name'), 'expected a name, or a list of names')
    .describe(`${what}; a name or a list of them, wildcards count.`)
    .optional();

const presentParts = () => ({
  kind: oneOrMore(wordOf(ATTEMPT_KINDS), 'expected a kind of attempt')
    .describe('The kind of attempt, or a list of them.')
    .optional(),
  server: words('The MCP server'),
  tool: words('The name of the tool'),
  operation: words('tool.operation, such as tools/call'),
  host: words('The host of a connection'),
  model: words('The model of a call'),
});

/** An attempt by its parts, as a config writes them: a name or a list of names each. */
export type AttemptParts = { readonly [K in (typeof PAST_KEYS)[number]]?: string | readonly string[] | undefined };

/** The attempt that is being decided, by its parts. */
export function presentAttempt(): z.ZodType<AttemptParts> {
  return strictConfig(presentParts()).refine((value) => Object.keys(value).length > 0, SOME);
}

const pastParts = () => ({
  ...presentParts(),
  effect: oneOrMore(wordOf(DECISION_EFFECTS), 'expected allow, deny or hold')
    .describe('How it was decided, or a list of that; allow when absent.')
    .optional(),
  labels: words('A label that its result brought into the session'),
});

/** An earlier attempt of the session, by its parts. */
export function pastAttempt(): z.ZodType<AttemptParts> {
  return strictConfig(pastParts()).refine((value) => Object.keys(value).length > 0, SOME);
}

/** Earlier attempts that are alike, by their parts and their number. */
export function pastAttempts(): z.ZodType<AttemptParts & { readonly times?: number | undefined }> {
  const times = z.int().min(1).max(1000).describe('It happened at least so often; once when absent.').optional();
  return strictConfig({ ...pastParts(), times }).refine(
    ({ times: _times, ...parts }) => Object.keys(parts).length > 0,
    SOME,
  );
}

/** The condition that the attempt being decided is as described. */
export function isAttempt(written: AttemptParts): JsonObject {
  return all(
    PRESENT_KEYS.flatMap((key) => {
      const wanted = textsOf(written[key]);
      return wanted === undefined ? [] : [oneOf(FIELDS[key], wanted)];
    }),
  );
}

/** The pattern for an earlier attempt. One that was refused did nothing, so it counts only where it is asked for. */
export function pastPattern(written: AttemptParts): PastPattern {
  const parts = PAST_KEYS.flatMap((key) => {
    const wanted = textsOf(written[key]);
    return wanted === undefined ? [] : [[key, wildcards(wanted)] as const];
  });
  return { effect: ['allow'], ...Object.fromEntries(parts) };
}

function textsOf(value: string | readonly string[] | undefined): readonly string[] | undefined {
  return typeof value === 'string' ? [value] : value;
}
