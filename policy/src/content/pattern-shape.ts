/**
 * What a pattern says about texts that have not ended: how long a match can be, and whether what there is may become one.
 * Reads the regular expressions of recognisers: bounded repetitions, no look around, no reference back.
 */

/** Takes the steps of a pattern, from its end to its beginning. Places are numbers that it gives out itself. */
export interface StepTaker {
  /** One character, as a pattern of its own, that leads to a place. Gives the place before it. */
  step(character: string, to: number): number;
  /** The place from where both go on. */
  fork(one: number, other: number): number;
}

/** The shape of a pattern. */
export interface PatternShape {
  /** The longest match in UTF-16 units. */
  readonly longest: number;
  /** How many units stand before the first digit of a match at most; infinite where there may be none. */
  readonly lead: number;
  /** How many digits a match of nothing but digits has at least; infinite where there is none. */
  readonly bareDigits: number;
  /** How long a match is at least. */
  readonly least: number;
  /** The same; 0 unless it is nothing but letters (A to Z) and digits. */
  readonly run: number;
  /** Whether a match may have a quotation mark (`"`) in it. */
  readonly isQuoting: boolean;
  /** Whether a match may have something in it that JSON escapes, or that ends a string: control characters, `"`, `\\`. */
  readonly hasEscaped: boolean;
  /** Whether it may have a space in it. */
  readonly hasSpace: boolean;
  /** The pattern, which the end of a text satisfies everywhere: see {@link openPlace}. */
  readonly relaxed: RegExp;
}

/**
 * The first place in a text from which on more text decides what the pattern matches there; its end when there is none. What matches
 * before the end without having met it would match if more came: of the ways to match, those that are tried before have failed for
 * what is there already. At every place one such way is enough, so it takes no longer than looking for matches.
 */
export function openPlace({ relaxed }: Pick<PatternShape, 'relaxed'>, text: string): number {
  relaxed.lastIndex = 0;
  for (let match = relaxed.exec(text); match !== null; match = relaxed.exec(text)) {
    if (match.index + match[0].length === text.length) return match.index;
    relaxed.lastIndex = match.index + ((text.codePointAt(match.index) ?? 0) > 0xffff ? 2 : 1);
  }
  return text.length;
}

/**
 * Takes all ways through a pattern to a place; gives the place where they begin. Every repetition is written out, and a
 * place in the text (`\b`) holds anywhere: more may pass than the pattern matches, and never less.
 */
export type Steps = (taker: StepTaker, to: number) => number;

/**
 * Reads a pattern.
 * @throws RangeError for one without a bound, and for what recognisers may not use
 */
export function patternShape(pattern: RegExp): PatternShape {
  const parser: Parser = { source: pattern.source, at: 0, characters: new Set() };
  const { text, longest, lead, bareDigits, least, isRun } = alternatives(parser);
  if (parser.at < parser.source.length) throw unreadable(parser);
  const flags = /\\[pP]/.test(pattern.source) ? 'u' : '';
  const characters = Array.from(parser.characters, (one) => new RegExp(one, flags));
  const mayHave = (some: string): boolean => characters.some((one) => one.test(some));
  return {
    longest,
    lead,
    bareDigits,
    least,
    run: isRun ? least : 0,
    isQuoting: mayHave('"'),
    hasEscaped: mayHave(ESCAPED),
    hasSpace: mayHave(' '),
    relaxed: new RegExp(text, `${pattern.flags.replace(/[gy]/g, '')}g`),
  };
}

/** Reads the ways through a pattern that {@link patternShape} can read: apart, for they need much more memory than a shape. */
export function patternSteps(pattern: RegExp): Steps {
  return alternatives({ source: pattern.source, at: 0, characters: new Set() }).steps;
}

const ESCAPED = `${Array.from({ length: 32 }, (_unused, code) => String.fromCharCode(code)).join('')}"\\`;
const DIGITS_ONLY = /^(?:\\d|[0-9]|\[[0-9-]+\])$/;
const RUN_ONLY = /^(?:\\d|[A-Za-z0-9]|\[(?:[A-Z]-[A-Z]|[a-z]-[a-z]|\d-\d|\\d|[A-Za-z0-9])+\])$/;

interface Parser {
  readonly source: string;
  at: number;
  readonly characters: Set<string>;
}

interface Piece {
  /** The pattern, which the end of the text satisfies everywhere. */
  readonly text: string;
  readonly longest: number;
  readonly lead: number;
  readonly bareDigits: number;
  readonly least: number;
  /** Whether it is nothing but letters and digits. */
  readonly isRun: boolean;
  readonly steps: Steps;
}

function alternatives(parser: Parser): Piece {
  const branches = [sequence(parser)];
  while (parser.source[parser.at] === '|') {
    parser.at += 1;
    branches.push(sequence(parser));
  }
  return {
    text: branches.map(({ text }) => text).join('|'),
    longest: Math.max(...branches.map(({ longest }) => longest)),
    lead: Math.max(...branches.map(({ lead }) => lead)),
    bareDigits: Math.min(...branches.map((branch) => branch.bareDigits)),
    least: Math.min(...branches.map(({ least }) => least)),
    isRun: branches.every(({ isRun }) => isRun),
    steps: (taker, to) => branches.map(({ steps }) => steps(taker, to)).reduce((one, other) => taker.fork(one, other)),
  };
}

function sequence(parser: Parser): Piece {
  let text = '';
  let longest = 0;
  // Of what comes before the first piece that has a digit.
  let before = 0;
  let lead = Number.POSITIVE_INFINITY;
  let bareDigits = 0;
  let least = 0;
  let isRun = true;
  const all: Steps[] = [];
  while (parser.at < parser.source.length && !'|)'.includes(parser.source[parser.at] ?? '')) {
    const piece = repeated(parser, atom(parser));
    text += piece.text;
    longest += piece.longest;
    lead = Math.min(lead, before + piece.lead);
    before += piece.longest;
    bareDigits += piece.bareDigits;
    least += piece.least;
    isRun &&= piece.isRun;
    all.push(piece.steps);
  }
  const steps: Steps = (taker, to) => all.reduceRight((next, one) => one(taker, next), to);
  return { text, longest, lead, bareDigits, least, isRun, steps };
}

function atom(parser: Parser): Piece {
  const { source, at } = parser;
  if (source[at] === '(') {
    const opening = /^\((?:\?:|\?<[a-z]+>)?(?!\?)/.exec(source.slice(at, at + 16))?.[0];
    if (opening === undefined) throw unreadable(parser);
    parser.at += opening.length;
    const inner = alternatives(parser);
    if (source[parser.at] !== ')') throw unreadable(parser);
    parser.at += 1;
    return { ...inner, text: `(?:${inner.text})` };
  }
  const one = /^(?:\[(?:\\.|[^\]\\])*\]|\\[pP]\{[A-Za-z]+\}|\\u[0-9a-f]{4}|\\[^ux1-9]|[^\\^$*+?{}()|[\]])/iu.exec(
    source.slice(at),
  )?.[0];
  if (one === undefined) throw unreadable(parser);
  parser.at += one.length;
  const isPlace = one === '\\b' || one === '\\B';
  if (!isPlace) parser.characters.add(one);
  // A character of a `\p` class may take two units.
  const longest = isPlace ? 0 : one.includes('\\p') || one.includes('\\P') ? 2 : 1;
  return {
    text: `(?:${one}|$)`,
    longest,
    lead: DIGITS_ONLY.test(one) ? 0 : Number.POSITIVE_INFINITY,
    bareDigits: isPlace ? 0 : ANY_DIGIT.some((digit) => is(one, digit)) ? 1 : Number.POSITIVE_INFINITY,
    least: isPlace ? 0 : 1,
    isRun: RUN_ONLY.test(one),
    steps: (taker, to) => (isPlace ? to : taker.step(one, to)),
  };
}

const ANY_DIGIT = Array.from('0123456789');

/** Whether a pattern of one character, in whatever case, may be this one, which has none. */
function is(one: string, character: string): boolean {
  return new RegExp(`^(?:${one})$`, /\\[pP]/.test(one) ? 'u' : '').test(character);
}

function repeated(parser: Parser, piece: Piece): Piece {
  const quantifier = /^(?:\?|\{(\d+)(?:,(\d*))?\}|[*+])\??/.exec(parser.source.slice(parser.at));
  if (quantifier === null) return piece;
  const [whole, least = '0', most = whole.startsWith('?') ? '1' : whole.includes(',') ? '' : least] = quantifier;
  parser.at += whole.length;
  if (most === '' || /^[*+]/.test(whole)) throw new RangeError(`no bound in the pattern ${parser.source}`);
  const times = Number(whole.startsWith('?') ? 0 : least);
  return {
    text: `(?:${piece.text})${whole}`,
    longest: piece.longest * Number(most),
    lead: times === 0 ? Number.POSITIVE_INFINITY : piece.lead,
    bareDigits: times === 0 ? 0 : piece.bareDigits * times,
    least: piece.least * times,
    isRun: piece.isRun,
    steps(taker, to) {
      let next = to;
      for (let time = Number(most); time > 0; time -= 1) {
        const once = piece.steps(taker, next);
        next = time > times ? taker.fork(once, to) : once;
      }
      return next;
    },
  };
}

function unreadable({ source, at }: Parser): RangeError {
  return new RangeError(`cannot read the pattern ${source} from ${at} on`);
}
