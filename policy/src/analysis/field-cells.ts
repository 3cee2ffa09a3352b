import type { Field } from '../dsl/fields.js';
import type { Json } from '../model/request.js';
import type { Cell, Column } from './cell.js';
import { numbersOf, textPart } from './column-part.js';
import { listShape } from './list-shape.js';
import { numberSamples } from './number-samples.js';
import { textShape } from './text-shape.js';
import { ANY_TRUTH, CAN_ERROR, CAN_FALSE, CAN_TRUE, type TruthSet } from './truth-set.js';
import { type Shape, type Universe, universeOf } from './universe.js';

/** What finding the cells of a field needs. */
export interface FieldQuestion {
  readonly field: Field;
  readonly columns: readonly Column[];
  /** What the engine says of a value of the field, by column. */
  readonly ask: (value: Json) => readonly TruthSet[];
}

/**
 * The cells of a field: everything that comparisons can tell apart there, in requests that a decision point accepts.
 * Every possible value is in a cell whose truths include its own, so what no combination of cells satisfies, no request
 * does. Values that are not there come first, then plain ones: the first cell that serves makes the simplest request.
 */
export function fieldCells(question: FieldQuestion): readonly Cell[] {
  const { field, columns, ask } = question;
  const universe = universeOf(field);
  const cells = new Map<string, Cell>();
  const others: (readonly TruthSet[])[] = [];
  // What an operator that is not known here says may depend on the rest of the request.
  const opaque = columns.map((column) => textPart(column, field).asks === 'opaque');
  if (!universe.required) cells.set('missing', { is: 'missing' });
  for (const shape of universe.shapes) {
    const found = ofShape(shape, question, universe);
    for (const sample of found.samples) {
      const truths = ask(sample);
      // An object can have members that are asked about; a value that says the same of itself cannot.
      const key = `${shape === 'object' ? 'o' : ''}${truths.join()}`;
      const known = truths.map((truth, index) => (opaque[index] ? ANY_TRUTH : truth));
      if (!cells.has(key)) cells.set(key, { is: 'value', sample, truths: known });
    }
    others.push(...found.others);
  }
  if (universe.breakable) cells.set('broken', { is: 'broken' });
  for (const truths of others) {
    const key = truths.join();
    if (!cells.has(key)) cells.set(key, { is: 'value', truths });
  }
  return [...cells.values()];
}

const PLAIN = { text: 'x', number: 1, boolean: true, null: null, object: {} } as const satisfies Record<
  Exclude<Shape, 'list'>,
  Json
>;

interface ShapeCells {
  readonly samples: readonly Json[];
  readonly others: readonly (readonly TruthSet[])[];
}

function ofShape(shape: Shape, question: FieldQuestion, universe: Universe): ShapeCells {
  const { field, columns, ask } = question;
  const opaque = columns.map((column) => textPart(column, field).asks === 'opaque');
  /** Wherever an operator is not known here, it may say anything of values that were not looked at. */
  const open = (samples: readonly Json[]): ShapeCells => {
    const [first] = samples;
    if (first === undefined || !opaque.includes(true)) return { samples, others: [] };
    return {
      samples,
      others: samples.map((one) => ask(one).map((truth, index) => (opaque[index] ? ANY_TRUTH : truth))),
    };
  };
  // A quantifier asks elements; of anything but a list it is an error, whatever the value.
  if (field.quantifiers !== undefined && shape !== 'list') return { samples: [PLAIN[shape]], others: [] };
  switch (shape) {
    case 'text':
      return textShape({ columns, field, universe, ask });
    case 'number':
      return open(
        numberSamples(
          columns.flatMap((column) => numbersOf(column) ?? []),
          universe.isNumber,
        ),
      );
    case 'boolean':
      return open([true, false]);
    case 'null':
      return open([null]);
    case 'list':
      return listShape({ columns, field, universe, ask });
    case 'object':
      return objectShape(columns, ask);
  }
}

/** An object is looked into by the operators that search all its texts, and by no other. */
function objectShape(columns: readonly Column[], ask: (value: Json) => readonly TruthSet[]): ShapeCells {
  const searching = columns.map((column) => column.leaf.operator === 'text_matches');
  if (!searching.includes(true)) {
    const known = columns.map((column) =>
      textPart(column, { path: '', segments: [], type: 'object', sensitive: false }),
    );
    const opaque = known.map(({ asks }) => asks === 'opaque');
    const truths = ask({}).map((truth, index) => (opaque[index] ? ANY_TRUTH : truth));
    return { samples: [{}], others: [truths] };
  }
  const texts = columns.flatMap((column) => {
    const part = textPart(column, { path: '', segments: [], type: 'any', sensitive: false });
    return part.asks === 'patterns' || part.asks === 'opaque' ? part.patterns : [];
  });
  const shape = textShape({
    columns,
    field: { path: '', segments: [], type: 'any', sensitive: false },
    universe: universeOf({
      path: 'tool.arguments.text',
      segments: ['tool', 'arguments', 'text'],
      type: 'any',
      sensitive: false,
    }),
    ask: (text) => ask({ text }),
  });
  const free = columns.map((_, index) => (searching[index] ? CAN_TRUE | CAN_FALSE : (ask({})[index] ?? CAN_ERROR)));
  return { samples: [{}, ...shape.samples.slice(0, texts.length * 4 + 4).map((text) => ({ text }))], others: [free] };
}
