/** The rules under which a text is redacted, one after the other. */

import { isJsonText, type JsonRedaction, type RedactionRules, redactValue } from '@portcullis/policy/content';
import { fieldsIn, isBegunDocument, maskMembers } from './document-fields.js';
import type { Look } from './look.js';
import type { FieldPath } from './orders.js';

/** One rule. */
export type Step = Search | Masking;

/** A search, and whether somebody else looks as well. */
export interface Search {
  readonly rules: RedactionRules;
  readonly look?: Look | undefined;
  /** Where it is limited to these. */
  readonly fields?: readonly FieldPath[] | undefined;
}

/** Members that are masked whatever they say. */
export interface Masking {
  readonly masked: readonly FieldPath[];
  /** Told of each text with such a member. */
  readonly found: () => void;
}

/** Whether it masks. */
export function isMasking(step: Step): step is Masking {
  return 'masked' in step;
}

/** Whether members are named, so that JSON has to be read as a whole. */
export function namesMembers(step: Step): boolean {
  return isMasking(step) || step.fields !== undefined;
}

/** Whether somebody else looks. */
export function looks(step: Step): boolean {
  return !isMasking(step) && step.look !== undefined;
}

/** Whether a rule has to do with a text of this name that is no JSON. */
export function isInWords(step: Step, name: string): step is Search {
  if (isMasking(step)) return false;
  return step.fields === undefined || fieldsIn(name, step.fields).isText;
}

/** A text without what is masked. */
export function maskedText(text: string, name: string, { masked, found }: Masking): string {
  const left = maskMembers(text, fieldsIn(name, masked));
  if (left !== text) found();
  return left;
}

/** A text as `redaction` leaves it, where the search goes. */
export function searchedText(text: string, name: string, { fields }: Search, redaction: JsonRedaction): string {
  if (fields === undefined) return redactValue(text, name, redaction);
  const { isMember, isText, reach } = fieldsIn(name, fields);
  if (!reach) return text;
  if (isJsonText(text)) return redactValue(text, name, { ...redaction, isSearched: isMember });
  // Where its members are nobody can say, so all of it is searched.
  return isText || isBegunDocument(text) ? redactValue(text, name, redaction) : text;
}
