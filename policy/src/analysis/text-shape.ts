import type { Field } from '../dsl/fields.js';
import { addressSamples } from './address-samples.js';
import type { Column } from './cell.js';
import { type TextPart, textPart } from './column-part.js';
import { hostSamples } from './host-samples.js';
import { instantSamples } from './instant-samples.js';
import { patternAutomaton } from './pattern-automaton.js';
import { textCells } from './text-cells.js';
import { ANY_TRUTH, CAN_ERROR, CAN_FALSE, CAN_TRUE, type TruthSet } from './truth-set.js';
import type { Universe } from './universe.js';

/** Texts to look at, and what the comparisons may say of any others. */
export interface TextShape {
  readonly samples: readonly string[];
  /** By column. Every text whose truths are not those of a sample has those of one of these. */
  readonly others: readonly (readonly TruthSet[])[];
}

/** What one group of comparisons may say, all of them together. */
type Family = readonly ReadonlyMap<Column, TruthSet>[];

/** The product of the families is not taken beyond this. */
const MAX_OTHERS = 256;

interface TextQuestion {
  readonly columns: readonly Column[];
  readonly field: Field;
  readonly universe: Universe;
  /** What the engine says of a text, by column. */
  readonly ask: (text: string) => readonly TruthSet[];
}

/** Finds texts that tell the comparisons of a field apart. */
export function textShape({ columns, field, universe, ask }: TextQuestion): TextShape {
  if (universe.texts !== undefined) return { samples: universe.texts, others: [] };
  const parts = new Map(columns.map((column) => [column, textPart(column, field)]));
  const of = <A extends TextPart['asks']>(asks: A): readonly [Column, Extract<TextPart, { asks: A }>][] =>
    [...parts].filter((entry): entry is [Column, Extract<TextPart, { asks: A }>] => entry[1].asks === asks);
  const literals = of('exact').flatMap(([, part]) => part.texts);
  const samples = new Set(literals);
  const answers = new Map<string, ReadonlyMap<Column, TruthSet>>();
  const told = (text: string): ReadonlyMap<Column, TruthSet> => {
    const known = answers.get(text);
    if (known !== undefined) return known;
    const truths = ask(text);
    const answer = new Map(columns.map((column, index) => [column, truths[index] ?? ANY_TRUTH]));
    answers.set(text, answer);
    return answer;
  };
  const families: Family[] = [];
  const sampled = (texts: readonly string[], asked: readonly Column[], open: readonly Column[] = []): void => {
    if (asked.length === 0 && open.length === 0) return;
    const usable = texts.filter(universe.isText);
    for (const text of usable) samples.add(text);
    families.push(
      distinct(
        usable.map((text) => familyCell(told(text), asked, open)),
        [...asked, ...open],
      ),
    );
  };

  const patterns = patternFamily(of('patterns'), { literals, universe, told });
  for (const text of patterns.samples) samples.add(text);
  if (patterns.family !== undefined) families.push(patterns.family);
  const hosts = of('host');
  sampled(hostSamples(hosts.flatMap(([, part]) => part.domains)), columnsOf(hosts));
  const addresses = of('address');
  sampled(addressSamples(addresses.flatMap(([, part]) => part.ranges)), columnsOf(addresses));
  const windows = of('window');
  const instants = of('instant');
  sampled(
    instantSamples(
      instants.flatMap(([, part]) => part.times),
      windows.map(([, part]) => part.window),
    ),
    columnsOf(instants),
    columnsOf(windows),
  );
  const opaque = of('opaque');
  for (const [, part] of opaque) for (const text of samplesOf(part.patterns)) samples.add(text);
  if (opaque.length > 0) for (const text of LIKELY) samples.add(text);
  if (opaque.length > 0) families.push([new Map(opaque.map(([column]) => [column, ANY_TRUTH]))]);
  for (const plain of ['x', 'other', '', freshText(samples)]) samples.add(plain);
  return { samples: [...samples].filter(universe.isText), others: othersOf(families, columns, parts, told) };
}

/** What operators that are not known here may be about. */
export const LIKELY = [
  'example.com',
  '203.0.113.7',
  '8.8.8.8',
  '10.0.0.1',
  '2606:4700::1111',
  '::1',
  'https://example.com/',
] as const;

/** A text that is not among those given. */
function freshText(given: ReadonlySet<string>): string {
  let number = 1;
  while (given.has(`other-${number}`)) number += 1;
  return `other-${number}`;
}

function columnsOf(entries: readonly (readonly [Column, unknown])[]): readonly Column[] {
  return entries.map(([column]) => column);
}

/** The truths of some columns; windows can go either way wherever they can be asked at all. */
function familyCell(
  answer: ReadonlyMap<Column, TruthSet>,
  asked: readonly Column[],
  open: readonly Column[],
): ReadonlyMap<Column, TruthSet> {
  const cell = new Map<Column, TruthSet>(asked.map((column) => [column, answer.get(column) ?? ANY_TRUTH]));
  for (const column of open) cell.set(column, answer.get(column) === CAN_ERROR ? CAN_ERROR : CAN_TRUE | CAN_FALSE);
  return cell;
}

function distinct(family: Family, columns: readonly Column[]): Family {
  return [...new Map(family.map((cell) => [columns.map((column) => cell.get(column)).join(), cell])).values()];
}

interface PatternContext {
  readonly literals: readonly string[];
  readonly universe: Universe;
  readonly told: (text: string) => ReadonlyMap<Column, TruthSet>;
}

function patternFamily(
  asked: readonly (readonly [Column, Extract<TextPart, { asks: 'patterns' }>])[],
  { literals, universe, told }: PatternContext,
): { readonly samples: readonly string[]; readonly family: Family | undefined } {
  if (asked.length === 0) return { samples: [], family: undefined };
  const groups = asked.map(([column, part]) => ({ column, part, automata: part.patterns.map(patternAutomaton) }));
  const known = groups.filter(({ automata }) => automata.every((one) => one !== undefined));
  const automata = known.flatMap((group) => group.automata.filter((one) => one !== undefined));
  const besides = universe.isText('') ? literals : [...literals, ''];
  const { cells, complete } = textCells(automata, besides);
  const free = (columns: readonly Column[]): ReadonlyMap<Column, TruthSet> =>
    new Map(columns.map((column) => [column, CAN_TRUE | CAN_FALSE]));
  const unknown = groups.filter((group) => !known.includes(group)).map(({ column }) => column);
  const samples = cells.map(({ sample }) => sample);
  let faithful = true;
  const family = cells.map(({ matches, sample }) => {
    const cell = new Map<Column, TruthSet>(free(unknown));
    let at = 0;
    for (const { column, part } of known) {
      const own = matches.slice(at, at + part.patterns.length);
      at += part.patterns.length;
      const holds = part.every ? own.every(Boolean) : own.some(Boolean);
      cell.set(column, holds !== column.leaf.negated ? CAN_TRUE : CAN_FALSE);
      // Should the library read a pattern otherwise than its program says, nothing may be concluded from the program.
      if (universe.isText(sample) && told(sample).get(column) !== cell.get(column)) faithful = false;
    }
    return cell;
  });
  const columns = asked.map(([column]) => column);
  if (!faithful) return { samples, family: [new Map(columns.map((column) => [column, ANY_TRUTH]))] };
  return { samples, family: distinct(complete ? family : [...family, free(columns)], columns) };
}

/** Short texts that the patterns match. */
function samplesOf(patterns: readonly string[]): readonly string[] {
  return patterns.slice(0, 20).flatMap((pattern) => {
    const automaton = patternAutomaton(pattern);
    if (automaton === undefined) return [];
    return textCells([automaton], []).cells.map(({ sample }) => sample);
  });
}

/** Every combination of what the families may say, of texts that are none of the literals. */
function othersOf(
  families: readonly Family[],
  columns: readonly Column[],
  parts: ReadonlyMap<Column, TextPart>,
  told: (text: string) => ReadonlyMap<Column, TruthSet>,
): readonly (readonly TruthSet[])[] {
  const plain = told('x');
  const fixed = new Map<Column, TruthSet>();
  for (const [column, part] of parts) {
    if (part.asks === 'exact') fixed.set(column, column.leaf.negated ? CAN_TRUE : CAN_FALSE);
    if (part.asks === 'nothing') fixed.set(column, plain.get(column) ?? ANY_TRUTH);
  }
  const size = families.reduce((product, family) => product * family.length, 1);
  if (size > MAX_OTHERS) return [columns.map((column) => fixed.get(column) ?? ANY_TRUTH)];
  let combined: readonly ReadonlyMap<Column, TruthSet>[] = [fixed];
  for (const family of families) combined = combined.flatMap((one) => family.map((cell) => new Map([...one, ...cell])));
  return combined.map((one) => columns.map((column) => one.get(column) ?? ANY_TRUTH));
}
