/** Fields in texts that a surface has found by itself: members of the JSON that a text is. */

import { isJsonText, redactValue } from '@portcullis/policy/content';
import type { FieldPath } from './orders.js';

/** What fields mean in one text. */
export interface DocumentFields {
  /** Whether they mean a member, by its path in the text's JSON. */
  isMember(path: readonly string[]): boolean;
  /** Whether they mean the text itself, whatever it says. */
  readonly isText: boolean;
  /** Whether they can mean something in it. */
  readonly reach: boolean;
}

/** Of a call: its arguments, or the text that a tool without a schema takes, which policies see as `arguments.input`. */
const ARGUMENTS = /arguments$/;
const INPUT = 'input';
/** What takes the place of a masked text. */
const MASKED = '***';
/** An object, or a list of such, that somebody began to write, perhaps as another language than JSON would have it. */
const BEGINS_AS_DOCUMENT = /^\s*(?:\[[\s[]*)?\{\s*(?:["']|[\w$-]+\s*:|$)/;

/** What fields mean in the text of this name; see `model-layout.ts`. */
export function fieldsIn(name: string, fields: readonly FieldPath[]): DocumentFields {
  const start = ARGUMENTS.test(name) ? ['arguments'] : name === INPUT ? ['arguments', INPUT] : ['result'];
  const isMeant = (path: readonly string[]): boolean => fields.some((field) => field(path));
  return {
    isMember: (path) => isMeant([...start, ...path]),
    isText: !ARGUMENTS.test(name) && isMeant(start),
    reach: fields.some((field) => field.reaches(start)),
  };
}

/**
 * A text without the members that are masked. What begins as JSON and is none may be cut off, or several documents, and nobody can say
 * where a member of it ends: it goes whole.
 */
export function maskMembers(text: string, { isMember, isText, reach }: DocumentFields): string {
  if (!reach) return text;
  if (isText && text !== '') return MASKED;
  return isJsonText(text) ? redactValue(text, '', { isMasked: isMember }) : maskBegun(text);
}

/** A text that is over, masked if it begins as JSON with members and is none. */
export function maskBegun(text: string): string {
  return isBegunDocument(text) ? MASKED : text;
}

/** Whether a text begins as JSON with members and is none. */
export function isBegunDocument(text: string): boolean {
  return BEGINS_AS_DOCUMENT.test(text) && !isJsonText(text);
}
