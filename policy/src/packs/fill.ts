import { RE2JS } from 're2js';
import type { Findings } from '../dsl/findings.js';
import { didYouMean } from '../dsl/nearest.js';
import type { PolicySource } from '../dsl/policy-head.js';
import { childPath } from '../dsl/source-document.js';
import type { Json, JsonObject } from '../model/request.js';
import { isJsonObject } from './json-object.js';
import { FOR_EACH, IF_PARAMETER, type Reference, splitText, UNLESS_PARAMETER } from './references.js';

/** Elements that one `for_each` may make. */
export const MAX_FOR_EACH = 1000;

const FOR_EACH_KEYS: readonly string[] = [FOR_EACH, 'as', 'do'];
/** What one of no alternatives matches. */
const MATCHES_NOTHING = '[^\\x00-\\x{10FFFF}]';
const ITEM_NAME = /^[a-z][a-z0-9_]{0,63}$/;

/** Fills a policy of a pack with values. */
export interface Filling {
  readonly template: PolicySource;
  readonly values: JsonObject;
  readonly findings: Findings;
}

/**
 * The policy that a template becomes with these values; nothing when `if_parameter` leaves it out, or when it has
 * problems, which are then reported at their place in the template.
 */
export function fillTemplate({ template, values, findings }: Filling): PolicySource | undefined {
  const before = findings.count;
  const origins = new Map<string, string>();
  const context = { template, findings, origins };
  const body = admitted(template.document, '', values, context);
  if (body === undefined) return undefined;
  const filled = fill(body, { from: '', to: '' }, values, context);
  if (findings.count > before) return undefined;
  return { file: template.file, base: template.base, document: filled, at: placesOf(template, origins) };
}

/** A policy or an element without its `if_parameter` and `unless_parameter`; nothing when these leave it out. */
function admitted(value: Json, from: string, values: JsonObject, context: FillContext): Json | undefined {
  let body = value;
  for (const key of [IF_PARAMETER, UNLESS_PARAMETER]) {
    if (!isJsonObject(body) || !Object.hasOwn(body, key)) continue;
    const { [key]: name, ...rest } = body;
    if (typeof name !== 'string' || !Object.hasOwn(values, name)) {
      const meant = typeof name === 'string' ? didYouMean(name, Object.keys(values)) : '';
      const message = `${key} names a parameter of the pack${meant}`;
      context.findings.add(context.template, childPath(from, key), 'ERR_PACK_TEMPLATE', message);
    } else if (isEmpty(values[name]) === (key === IF_PARAMETER)) return undefined;
    body = rest;
  }
  return body;
}

/** Whether a value says nothing: false, null, an empty text, list or map. The number 0 says something. */
function isEmpty(value: Json | undefined): boolean {
  if (value === undefined || value === null || value === false || value === '') return true;
  if (Array.isArray(value)) return value.length === 0;
  return typeof value === 'object' && Object.keys(value).length === 0;
}

/** Where the values of a filled policy stand in its template. */
function placesOf(template: PolicySource, origins: ReadonlyMap<string, string>): PolicySource['at'] {
  return (path, what) => {
    let current = path;
    for (;;) {
      const origin = origins.get(current);
      // The key of a part stands where the part does, unless the part is exactly what was asked for.
      if (origin !== undefined) return template.at(origin, current === path ? what : 'value');
      if (current === '') return template.at('', what);
      current = current.slice(0, Math.max(current.lastIndexOf('.'), current.lastIndexOf('['), 0));
    }
  };
}

/** A place in the template, and the place in the filled policy that it goes to. */
interface Place {
  readonly from: string;
  readonly to: string;
}

interface FillContext {
  readonly template: PolicySource;
  readonly findings: Findings;
  readonly origins: Map<string, string>;
}

function fill(value: Json, place: Place, values: JsonObject, context: FillContext): Json {
  context.origins.set(place.to, place.from);
  if (typeof value === 'string') return fillText(value, place, values, context);
  if (Array.isArray(value)) return fillList(value as readonly Json[], place, values, context);
  if (!isJsonObject(value)) return value;
  const members: Record<string, Json> = {};
  for (const [name, member] of Object.entries(value)) {
    if (isLeftOut(member, values)) continue;
    const child = { from: childPath(place.from, name), to: childPath(place.to, name) };
    members[name] = fill(member, child, values, context);
  }
  return members;
}

/** Whether a member or an element is `${name?}` and the value is empty. */
function isLeftOut(value: Json, values: JsonObject): boolean {
  if (typeof value !== 'string' || !value.endsWith('?}')) return false;
  const parts = splitText(value);
  const [part] = parts;
  if (part === undefined || parts.length > 1 || !('reference' in part) || !part.reference.optional) return false;
  const found = resolveReference(part.reference, values);
  return 'value' in found && isEmpty(found.value);
}

function fillList(list: readonly Json[], place: Place, values: JsonObject, context: FillContext): Json {
  const filled: Json[] = [];
  for (const [index, written] of list.entries()) {
    const from = childPath(place.from, index);
    const element = isLeftOut(written, values) ? undefined : admitted(written, from, values, context);
    if (element === undefined) continue;
    if (isJsonObject(element) && Object.hasOwn(element, FOR_EACH)) {
      filled.push(...fillEach(element, { from, to: place.to }, { values, first: filled.length }, context));
    } else filled.push(fill(element, { from, to: childPath(place.to, filled.length) }, values, context));
  }
  return filled;
}

/** `{for_each: parameter, as: name, do: part}`: the part once for each element of a list, or `{key, value}` of a map. */
function fillEach(
  written: JsonObject,
  place: Place,
  { values, first }: { readonly values: JsonObject; readonly first: number },
  context: FillContext,
): readonly Json[] {
  const { template, findings } = context;
  const report = (key: string, message: string): readonly Json[] => {
    findings.add(template, key === '' ? place.from : childPath(place.from, key), 'ERR_PACK_TEMPLATE', message);
    return [];
  };
  for (const key of Object.keys(written)) {
    if (!FOR_EACH_KEYS.includes(key)) return report(key, `for_each takes as and do, not "${key}"`);
  }
  const { [FOR_EACH]: over, as: item, do: part } = written;
  if (part === undefined) return report('', 'for_each needs "do": the part that is repeated');
  if (typeof item !== 'string' || !ITEM_NAME.test(item)) {
    return report('as', 'for_each needs "as": a name of lower-case letters, digits and _');
  }
  if (Object.hasOwn(values, item)) return report('as', `"${item}" is already the name of a parameter or of an element`);
  const reference = typeof over === 'string' && !over.includes('${') ? `\${${over}}` : over;
  const source = typeof reference === 'string' ? fill(reference, fromPlace(place), values, context) : null;
  const elements = elementsOf(source);
  if (elements === undefined) return report(FOR_EACH, 'for_each names a parameter that is a list or a map');
  if (elements.length > MAX_FOR_EACH) return report(FOR_EACH, `for_each makes at most ${MAX_FOR_EACH} parts`);
  const from = childPath(place.from, 'do');
  return elements.map((element, index) =>
    fill(part, { from, to: childPath(place.to, first + index) }, { ...values, [item]: element }, context),
  );
}

function fromPlace(place: Place): Place {
  return { from: childPath(place.from, FOR_EACH), to: childPath(place.to, FOR_EACH) };
}

function elementsOf(source: Json): readonly Json[] | undefined {
  if (Array.isArray(source)) return source as readonly Json[];
  return isJsonObject(source) ? Object.entries(source).map(([key, value]) => ({ key, value })) : undefined;
}

function fillText(text: string, place: Place, values: JsonObject, context: FillContext): Json {
  const { template, findings } = context;
  const parts = splitText(text);
  const report = (message: string): string => {
    findings.add(template, place.from, 'ERR_PACK_TEMPLATE', message);
    return '';
  };
  const filled = parts.map((part): Json => {
    if ('text' in part) return part.text;
    if ('fault' in part) return report(part.fault);
    const found = resolveReference(part.reference, values);
    return 'fault' in found ? report(found.fault) : found.value;
  });
  // Exactly one reference becomes the value itself, with its type.
  if (filled.length === 1) return filled[0] ?? '';
  return filled
    .map((part, index) => {
      if (typeof part !== 'object') return String(part);
      const source = parts[index];
      const name = source !== undefined && 'reference' in source ? source.reference.name : 'a value';
      return report(`${name} is not a text or a number here, so it cannot stand inside a longer text`);
    })
    .join('');
}

type Found = { readonly value: Json } | { readonly fault: string };

function resolveReference({ name, members, filter }: Reference, values: JsonObject): Found {
  if (!Object.hasOwn(values, name)) {
    return { fault: `there is no parameter "${name}"${didYouMean(name, Object.keys(values))}` };
  }
  let value: Json | undefined = values[name];
  for (const written of members) {
    const member = written.startsWith('$') ? chosen(written.slice(1), values) : written;
    value = member !== undefined && isJsonObject(value) && Object.hasOwn(value, member) ? value[member] : undefined;
    if (value === undefined) return { fault: `${name} has no member "${members.join('.')}"` };
  }
  return filter === undefined ? { value: value ?? null } : patternOf(name, value);
}

/** The name that a value stands for, where it chooses a member. */
function chosen(name: string, values: JsonObject): string | undefined {
  const value = Object.hasOwn(values, name) ? values[name] : undefined;
  return typeof value === 'string' || typeof value === 'boolean' ? String(value) : undefined;
}

/** A value as a part of a pattern that matches exactly it, or exactly one of a list. */
function patternOf(name: string, value: Json | undefined): Found {
  const values = Array.isArray(value) ? (value as readonly Json[]) : [value ?? null];
  const texts = values.filter((one) => typeof one === 'string' || typeof one === 'number');
  if (texts.length < values.length) {
    return { fault: `${name} is not a text or a list of texts, so it cannot become a pattern` };
  }
  if (texts.length === 0) return { value: MATCHES_NOTHING };
  return { value: `(?:${texts.map((text) => RE2JS.quote(String(text))).join('|')})` };
}
