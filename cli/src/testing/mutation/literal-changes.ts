import type { Json, JsonObject } from '@portcullis/policy/model';
import { isObject } from './edit.js';

/** A comparison that admits a little more, or a little less. */
export interface LeafChange {
  /** In place of the operator; the same when absent. */
  readonly operator?: string;
  readonly value: Json;
  /** What it does, for people. */
  readonly what: string;
}

/** Members of a list that are left out, one at a time; of a longer list these many, evenly spread. */
const MAX_DROPPED_MEMBERS = 4;

/** The operator that differs only at the boundary, and which way the comparison gets stricter. */
const ORDERED: Readonly<Record<string, { readonly boundary: string; readonly stricter: 1 | -1 }>> = {
  greater_than: { boundary: 'greater_or_equal', stricter: 1 },
  greater_or_equal: { boundary: 'greater_than', stricter: 1 },
  less_than: { boundary: 'less_or_equal', stricter: -1 },
  less_or_equal: { boundary: 'less_than', stricter: -1 },
};

/** The changes of a comparison's literal. An operator or literal that none is known for has none. */
export function literalChanges(operator: string, value: Json): readonly LeafChange[] {
  const ordered = ORDERED[operator];
  if (ordered !== undefined) return orderedChanges(operator, value, ordered);
  if (operator === 'between') return betweenChanges(value);
  if (operator === 'in_time_window') return isObject(value) ? windowChanges(value) : [];
  if (operator === 'equals' && typeof value === 'number') return [moved(value, stepOf(value))];
  if (Array.isArray(value)) {
    return [...droppedMembers(value as readonly Json[]), ...memberChanges(operator, value as readonly Json[])];
  }
  return typeof value === 'string' ? textChanges(operator, value) : [];
}

function orderedChanges(
  operator: string,
  value: Json,
  { boundary, stricter }: { readonly boundary: string; readonly stricter: 1 | -1 },
): readonly LeafChange[] {
  const atBoundary = { operator: boundary, value, what: `${operator} became ${boundary}` };
  if (typeof value !== 'number') return [atBoundary];
  // With the boundary moved one way by the other operator, the number is moved the other way.
  const strict = operator === 'greater_than' || operator === 'less_than';
  return [atBoundary, moved(value, (strict ? stricter : -stricter) * stepOf(value))];
}

function betweenChanges(value: Json): readonly LeafChange[] {
  if (!Array.isArray(value)) return [];
  const ends = value as readonly Json[];
  return ends.flatMap((end, index) => {
    if (typeof end !== 'number') return [];
    return [stepOf(end), -stepOf(end)].map((step) => {
      const { value: to, what } = moved(end, step);
      return { value: ends.with(index, to), what };
    });
  });
}

/** One in the last decimal that the author wrote. */
function stepOf(value: number): number {
  const decimals = /\.(\d+)$/.exec(String(value))?.[1]?.length ?? 0;
  return 10 ** -decimals;
}

function moved(value: number, step: number): LeafChange {
  const decimals = /\.(\d+)$/.exec(String(value))?.[1]?.length ?? 0;
  const to = Number((value + step).toFixed(decimals));
  return { value: to, what: `${value} became ${to}` };
}

/** Leaves out one member at a time; a list of one is not emptied. */
export function droppedMembers(members: readonly Json[]): readonly LeafChange[] {
  if (members.length < 2) return [];
  const count = Math.min(members.length, MAX_DROPPED_MEMBERS);
  const indexes = Array.from({ length: count }, (_, number) =>
    Math.floor((number * (members.length - 1)) / Math.max(count - 1, 1)),
  );
  return indexes.map((index) => ({
    value: members.toSpliced(index, 1),
    what: `${JSON.stringify(members[index])} was left out of the list`,
  }));
}

function memberChanges(operator: string, members: readonly Json[]): readonly LeafChange[] {
  // What can be said of a text can be said of the first of several.
  const [first] = members;
  if (typeof first !== 'string' || operator === 'in' || operator === 'not_in') return [];
  return textChanges(operator, first).map((change) => ({ ...change, value: members.with(0, change.value) }));
}

function textChanges(operator: string, text: string): readonly LeafChange[] {
  const change = (to: string): readonly LeafChange[] =>
    to === text ? [] : [{ value: to, what: `${JSON.stringify(text)} became ${JSON.stringify(to)}` }];
  switch (operator) {
    case 'starts_with':
    case 'contains':
      return text.length > 1 ? change(text.slice(0, -1)) : [];
    case 'ends_with':
      return text.length > 1 ? change(text.slice(1)) : [];
    case 'regex_match':
      return [
        ...(text.length > 1 && text.startsWith('^') ? change(text.slice(1)) : []),
        ...(text.length > 1 && text.endsWith('$') && !text.endsWith('\\$') ? change(text.slice(0, -1)) : []),
      ];
    case 'glob_match':
      return change(text.includes('**') ? text.replace('**', '*') : text.replace('*', '**'));
    case 'domain_match':
      return change(text.startsWith('*.') ? text.slice(2) : `*.${text}`);
    case 'cidr_match':
      return cidrChanges(text).flatMap(change);
    default:
      return [];
  }
}

/** One bit more and, where the address allows it, one bit less of prefix. */
function cidrChanges(text: string): readonly string[] {
  const [, address, bits] = /^(.+)\/(\d+)$/.exec(text) ?? [];
  if (address === undefined || bits === undefined) return [];
  const most = address.includes(':') ? 128 : 32;
  return [Number(bits) + 1, Number(bits) - 1].filter((to) => to >= 0 && to <= most).map((to) => `${address}/${to}`);
}

const LAST_MINUTE = 24 * 60 - 1;

function windowChanges(window: JsonObject): readonly LeafChange[] {
  const changes: LeafChange[] = [];
  for (const key of ['from', 'to']) {
    const time = window[key];
    if (typeof time !== 'string') continue;
    const [, hours, minutes] = /^(\d\d):(\d\d)$/.exec(time) ?? [];
    if (hours === undefined || minutes === undefined) continue;
    const minute = Number(hours) * 60 + Number(minutes);
    for (const to of [minute - 1, minute + 1]) {
      if (to < 0 || to > LAST_MINUTE) continue;
      const shown = `${String(Math.floor(to / 60)).padStart(2, '0')}:${String(to % 60).padStart(2, '0')}`;
      changes.push({ value: { ...window, [key]: shown }, what: `${key} ${time} became ${shown}` });
    }
  }
  const { days } = window;
  if (Array.isArray(days)) {
    const dropped = droppedMembers(days as readonly Json[]);
    changes.push(...dropped.map(({ value, what }) => ({ value: { ...window, days: value }, what })));
  }
  return changes;
}
