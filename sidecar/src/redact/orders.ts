/** What the conditions `redact` and `mask_fields` of a decision order. What is not understood is an error, and so a refusal. */

import { type CustomPattern, customPattern, DEFAULT_DETECTORS, typesOfDetectors } from '@portcullis/policy/content';
import type { Condition } from '@portcullis/policy/model';
import { z } from 'zod';
import type { MessageLayout } from './message-layout.js';

/** Ways to replace; strongest first, the order in which several orders are carried out. */
export const METHODS = ['drop', 'mask', 'hash', 'tokenize'] as const;
/** A way to replace. */
export type Method = (typeof METHODS)[number];

/** One condition `redact`. */
export interface RedactOrder {
  readonly types: readonly string[];
  readonly patterns: readonly CustomPattern[];
  readonly method: Method;
  readonly placeholder: string | undefined;
  readonly fields: readonly FieldPath[] | undefined;
  /** Whether the service that knows names is asked as well. */
  readonly ner: boolean;
  readonly inRequest: boolean;
  readonly inResponse: boolean;
}

type FieldLayout = Pick<MessageLayout, 'roots' | 'envelope'>;

/** Tells whether a value's path is meant. Elements of lists have no part in paths. */
export interface FieldPath {
  (path: readonly string[]): boolean;
  /** Whether something may be meant that is there or below. */
  reaches(path: readonly string[]): boolean;
}

/** All that a decision orders. */
export interface RedactionOrders {
  /** Strongest method first. */
  readonly redact: readonly RedactOrder[];
  readonly masked: readonly FieldPath[];
  /** Whether anything is ordered of what comes back. */
  readonly ofAnswers: boolean;
}

const fieldNames = z.array(z.string().min(1).max(512)).min(1).max(100);
const redactValue = z.strictObject({
  fields: fieldNames.optional(),
  detectors: z.array(z.string().min(1).max(128)).min(1).max(100).optional(),
  patterns: z.array(z.string().min(1).max(2048)).max(100).optional(),
  method: z.enum(METHODS).default('mask'),
  placeholder: z.string().max(100).optional(),
  ner: z.boolean().default(false),
  direction: z.enum(['request', 'response', 'both']).default('both'),
  policy: z.string().max(512).optional(),
});

/**
 * Reads the conditions.
 * @throws Error for any that this sidecar cannot carry out as it is written
 */
export function readOrders(conditions: readonly Condition[], layout: FieldLayout): RedactionOrders {
  const values = conditions.filter(({ type }) => type === 'redact').map(({ value }) => value);
  const redact = values.map((value) => readRedact(value, layout));
  const names = conditions.filter(({ type }) => type === 'mask_fields').flatMap(({ value }) => fieldNames.parse(value));
  return {
    redact: redact.toSorted((a, b) => METHODS.indexOf(a.method) - METHODS.indexOf(b.method)),
    masked: names.map((written) => fieldPath(written, layout)),
    ofAnswers: names.some(isOfAnswers) || values.some(redactsAnswers),
  };
}

function redactsAnswers(value: Condition['value']): boolean {
  const { direction, fields } = redactValue.parse(value);
  return direction !== 'request' && (fields === undefined || fields.some(isOfAnswers));
}

/** Whether a path as policies write it may mean something in an answer. */
function isOfAnswers(written: string): boolean {
  return !/^(?:tool\.)?arguments(?:\.|$)/.test(written);
}

function readRedact(value: Condition['value'], layout: FieldLayout): RedactOrder {
  const { detectors, patterns, method, placeholder, fields, ner, direction } = redactValue.parse(value);
  return {
    types: typesOfDetectors(detectors ?? DEFAULT_DETECTORS),
    patterns: (patterns ?? []).map(customPattern),
    method,
    placeholder,
    ner,
    fields: fields?.map((written) => fieldPath(written, layout)),
    inRequest: direction !== 'response',
    inResponse: direction !== 'request',
  };
}

/**
 * A path as policies write it: `email` and `user.email` are members of that name wherever they are; `arguments.`,
 * `tool.arguments.`, `output.` or `result.` before it says where from; `*` is any one name. A path means all below it.
 */
export function fieldPath(written: string, { roots, envelope }: FieldLayout): FieldPath {
  const root = Object.keys(roots).find((name) => written === name || written.startsWith(`${name}.`));
  const rest = root === undefined ? written : written.slice(root.length + 1);
  const names = rest === '' ? [] : rest.split('.');
  if (names.some((name) => name === '')) throw new RangeError(`not a path: ${written}`);
  if (root === undefined) {
    if (envelope?.has(names[0] ?? ''))
      throw new RangeError(`is ${written} a part of the message itself? say arguments.${written} or result.${written}`);
    const isMeant = (path: readonly string[]): boolean =>
      path.some((_name, at) => at + names.length <= path.length && isAt(path, at, names));
    return Object.assign(isMeant, { reaches: () => true });
  }
  const paths = (roots[root] ?? []).map((prefix) => [...prefix, ...names]);
  return Object.assign((path: readonly string[]) => paths.some((whole) => isAt(path, 0, whole)), {
    reaches: (path: readonly string[]) => paths.some((whole) => isAt(path, 0, whole.slice(0, path.length))),
  });
}

function isAt(path: readonly string[], at: number, names: readonly string[]): boolean {
  return names.every((name, index) => path[at + index] !== undefined && (name === '*' || path[at + index] === name));
}
