import type { Field } from '../dsl/fields.js';
import type { Json } from '../model/request.js';
import type { Column } from './cell.js';
import { LIST_OPERATORS, numbersOf, textPart } from './column-part.js';
import { numberSamples } from './number-samples.js';
import { LIKELY, textShape } from './text-shape.js';
import { ANY_TRUTH, type TruthSet } from './truth-set.js';
import type { Universe } from './universe.js';

/** Lists to look at, and what the comparisons may say of others. */
export interface ListShape {
  readonly samples: readonly (readonly Json[])[];
  readonly others: readonly (readonly TruthSet[])[];
}

/** All sublists of this many members are looked at; of more, only the small ones. */
const MAX_MEMBERS = 6;
/** Members of which pairs are looked at. */
const MAX_PAIRED = 24;

interface ListQuestion {
  readonly columns: readonly Column[];
  readonly field: Field;
  readonly universe: Universe;
  /** What the engine says of a list, by column. */
  readonly ask: (list: readonly Json[]) => readonly TruthSet[];
}

/** Finds lists that tell the comparisons of a field apart: sublists of members that do. */
export function listShape(question: ListQuestion): ListShape {
  const { columns, field, universe, ask } = question;
  const quantified = field.quantifiers !== undefined;
  const { members, complete } = quantified ? elementMembers(question) : wholeMembers(columns, universe);
  const all = members.length <= MAX_MEMBERS;
  const lists = all ? sublists(members) : smallLists(members);
  // Without a quantifier the empty list is a list; with one, it reads as a missing field.
  const samples = quantified ? lists.filter((list) => list.length > 0) : lists;
  const same = columns.map((column) => !quantified && saysTheSame(column));
  const sound = complete && all && columns.every((column, index) => quantified || asksMembers(column) || same[index]);
  if (sound) return { samples, others: [] };
  const nothing = ask([]);
  return { samples, others: [columns.map((_, index) => (same[index] ? (nothing[index] ?? ANY_TRUTH) : ANY_TRUTH))] };
}

function asksMembers({ leaf }: Column): boolean {
  return LIST_OPERATORS.has(leaf.operator);
}

/** Whether a comparison says the same of every list: that it is there, or that it is no text, number or boolean. */
function saysTheSame(column: Column): boolean {
  const { operator } = column.leaf;
  if (operator === 'exists') return true;
  if (asksMembers(column) || operator === 'text_matches') return false;
  return textPart(column, UNTYPED).asks !== 'opaque';
}

const UNTYPED: Field = { path: '', segments: [], type: 'any', sensitive: false };

const UNLIKELY_NUMBER = 7;

function freshNumber(taken: ReadonlySet<Json>, number = UNLIKELY_NUMBER): number {
  return taken.has(number) ? freshNumber(taken, number + 1) : number;
}

interface Members {
  readonly members: readonly Json[];
  readonly complete: boolean;
}

/** The members that comparisons of whole lists name, and others. */
function wholeMembers(columns: readonly Column[], universe: Universe): Members {
  const named = columns.flatMap(({ leaf }): readonly Json[] => {
    if (leaf.operator === 'exists' || !LIST_OPERATORS.has(leaf.operator)) return [];
    return (Array.isArray(leaf.literal) ? leaf.literal : [leaf.literal]) as readonly Json[];
  });
  const scalars = named.filter((value) => typeof value !== 'object');
  const usable = scalars.filter((value) => !universe.textsOnly || typeof value === 'string');
  const members = new Set<Json>(usable);
  if (columns.some((column) => textPart(column, UNTYPED).asks === 'opaque'))
    for (const text of LIKELY) members.add(text);
  members.add(fresh('other', members));
  // A list of numbers holds others than those named too, and a member of another type may hide what is looked for.
  if (!universe.textsOnly) members.add(freshNumber(members));
  return { members: [...members], complete: scalars.length === named.length };
}

function fresh(text: string, taken: ReadonlySet<Json>): string {
  return taken.has(text) ? fresh(`${text}-1`, taken) : text;
}

/** Elements that comparisons under a quantifier tell apart; a list of one element says what it says of the element. */
function elementMembers({ columns, field, universe, ask }: ListQuestion): Members {
  const askOne = (element: Json): readonly TruthSet[] => ask([element]);
  const { quantifiers: _quantifiers, ...element } = field;
  const opaque = columns.some((column) => textPart(column, element).asks === 'opaque');
  const text = textShape({ columns, field: element, universe, ask: askOne });
  const numbers = columns.flatMap((column) => numbersOf(column) ?? []);
  const candidates: readonly Json[] = universe.textsOnly
    ? text.samples
    : [...text.samples, ...numberSamples(numbers, () => true), true, false, null, {}];
  const distinct = new Map(candidates.map((one) => [askOne(one).join(), one]).toReversed() as [string, Json][]);
  const known = new Set(distinct.keys());
  // An element may also lack the rest of the path.
  const whole = (field.quantifiers?.length ?? 0) === 1 && field.quantifiers?.[0]?.at === field.segments.length - 1;
  const covered = text.others.every((truths) => known.has(truths.join()));
  return { members: [...distinct.values()], complete: whole && covered && !opaque };
}

function sublists(members: readonly Json[]): readonly (readonly Json[])[] {
  let lists: readonly (readonly Json[])[] = [[]];
  for (const member of members) lists = [...lists, ...lists.map((list) => [...list, member])];
  return lists.toSorted((a, b) => a.length - b.length);
}

function smallLists(members: readonly Json[]): readonly (readonly Json[])[] {
  const paired = members.slice(0, MAX_PAIRED);
  const pairs = paired.flatMap((one, index) => paired.slice(index + 1).map((other) => [one, other]));
  return [[], ...members.map((member) => [member]), ...pairs, members];
}
