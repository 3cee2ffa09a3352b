import type { Json, JsonObject } from '../model/request.js';

/** A reference to a value inside a text of a template: `${name}`, `${entry.key}`, `${forms.$choice}`, `${roots|regex}`, `${name?}`. */
export interface Reference {
  readonly name: string;
  /** Names of members below the value; `$name` is the member that the value of `name` names. */
  readonly members: readonly string[];
  readonly filter: ReferenceFilter | undefined;
  /** Whether the member or element that it stands for is left out when the value is empty. */
  readonly optional: boolean;
}

/** What a reference may do to its value. `regex`: quotes it for a pattern; a list becomes alternatives. */
export const REFERENCE_FILTERS = ['regex'] as const;
/** See {@link REFERENCE_FILTERS}. */
export type ReferenceFilter = (typeof REFERENCE_FILTERS)[number];

/** A part of a template's text. */
export type TextPart = { readonly text: string } | { readonly reference: Reference } | { readonly fault: string };

const MARK = /\$(\$?)\{([^{}]*)\}/g;
const REFERENCE = /^([a-z][a-z0-9_]{0,63})((?:\.\$?[A-Za-z0-9_-]{1,64})*)(?:\|([a-z]+)|(\?))?$/;

/** Splits a text at its references. `$${` stands for a plain `${`. */
export function splitText(text: string): readonly TextPart[] {
  const parts: TextPart[] = [];
  let from = 0;
  for (const mark of text.matchAll(MARK)) {
    const [whole, doubled, inside = ''] = mark;
    if (mark.index > from) parts.push({ text: text.slice(from, mark.index) });
    from = mark.index + whole.length;
    if (doubled === '$') parts.push({ text: whole.slice(1) });
    else parts.push(parseReference(inside));
  }
  if (from < text.length || parts.length === 0) parts.push({ text: text.slice(from) });
  return parts;
}

function parseReference(inside: string): TextPart {
  const match = REFERENCE.exec(inside);
  if (match === null) {
    return { fault: `"\${${inside}}" does not name a parameter; a plain "\${" is written "$\${"` };
  }
  const [, name = '', members = '', filter, optional] = match;
  if (filter !== undefined && !isFilter(filter)) {
    return { fault: `"\${${inside}}": there is no filter "${filter}" (there is ${REFERENCE_FILTERS.join(', ')})` };
  }
  const path = members === '' ? [] : members.slice(1).split('.');
  return { reference: { name, members: path, filter, optional: optional !== undefined } };
}

function isFilter(name: string): name is ReferenceFilter {
  return (REFERENCE_FILTERS as readonly string[]).includes(name);
}

/** A part of a list that is repeated for each element of a value. */
export const FOR_EACH = 'for_each';
/** A policy, or an element of a list, is left out when the parameter that this names is empty (see `isEmpty`). */
export const IF_PARAMETER = 'if_parameter';
/** A policy, or an element of a list, is left out unless the parameter that this names is empty. */
export const UNLESS_PARAMETER = 'unless_parameter';
const NAMING_KEYS: readonly string[] = [FOR_EACH, IF_PARAMETER, UNLESS_PARAMETER];

function namesOf({ name, members }: Reference): readonly string[] {
  return [name, ...members.filter((member) => member.startsWith('$')).map((member) => member.slice(1))];
}

/** Every name that a template refers to. */
export function referencesOf(template: Json): readonly string[] {
  if (typeof template === 'string') {
    return splitText(template).flatMap((part) => ('reference' in part ? namesOf(part.reference) : []));
  }
  if (typeof template !== 'object' || template === null) return [];
  if (Array.isArray(template)) return (template as readonly Json[]).flatMap(referencesOf);
  return Object.entries(template as JsonObject).flatMap(([key, value]) =>
    NAMING_KEYS.includes(key) && typeof value === 'string' && !value.includes('${') ? [value] : referencesOf(value),
  );
}
