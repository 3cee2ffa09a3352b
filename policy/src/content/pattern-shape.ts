/**
 * What a pattern says about texts that have not ended: how long a match can be, and whether what there is may become one.
 * Reads the regular expressions of recognisers: bounded repetitions, no look around, no reference back.
 */

/** The shape of a pattern. */
export interface PatternShape {
  /** The longest match in UTF-16 units. */
  readonly longest: number;
  /** How many digits every match has at least with nothing but separators between them. */
  readonly digits: number;
  /** How many of those stand together at least, without anything between. */
  readonly solid: number;
  /** How many digits a match of nothing but digits has at least; infinite where there is none. */
  readonly bareDigits: number;
  /** How long a match is at least; 0 unless it is nothing but letters (A to Z) and digits. */
  readonly run: number;
  /** Whether a match may have a quotation mark (`"`) in it. */
  readonly isQuoting: boolean;
  /**
   * Matches the rest of a text, from the first place on where a match reaches its end, or could with more text. Matches nothing
   * but the empty end otherwise.
   */
  readonly unfinished: RegExp;
}

/**
 * Reads a pattern.
 * @throws RangeError for one without a bound, and for what recognisers may not use
 */
export function patternShape(pattern: RegExp): PatternShape {
  const parser = { source: pattern.source, at: 0, isQuoting: false };
  const { text, longest, digits, solid, bareDigits, least, isRun } = alternatives(parser);
  if (parser.at < parser.source.length) throw unreadable(parser);
  return {
    longest,
    digits,
    solid,
    bareDigits,
    run: isRun ? least : 0,
    isQuoting: parser.isQuoting,
    unfinished: new RegExp(`(?:${text})$`, pattern.flags.replace(/[gy]/g, '')),
  };
}

const DIGITS_ONLY = /^(?:\\d|[0-9]|\[[0-9-]+\])$/;
const RUN_ONLY = /^(?:\\d|[A-Za-z0-9]|\[(?:[A-Z]-[A-Z]|[a-z]-[a-z]|\d-\d|\\d|[A-Za-z0-9])+\])$/;
const SEPARATORS_ONLY = /^(?:[ /-]|\\[.()+/]|\[[ .()+/-]+\]|\\b)$/;

interface Parser {
  readonly source: string;
  at: number;
  isQuoting: boolean;
}

interface Piece {
  /** The pattern, which the end of the text satisfies everywhere. */
  readonly text: string;
  readonly longest: number;
  readonly digits: number;
  readonly solid: number;
  readonly bareDigits: number;
  /** Whether it is nothing but digits and separators. */
  readonly isPlain: boolean;
  /** Whether it is nothing but digits. */
  readonly isSolid: boolean;
  readonly least: number;
  /** Whether it is nothing but letters and digits. */
  readonly isRun: boolean;
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
    digits: Math.min(...branches.map(({ digits }) => digits)),
    solid: Math.min(...branches.map(({ solid }) => solid)),
    bareDigits: Math.min(...branches.map((branch) => branch.bareDigits)),
    isPlain: branches.every(({ isPlain }) => isPlain),
    isSolid: branches.every(({ isSolid }) => isSolid),
    least: Math.min(...branches.map(({ least }) => least)),
    isRun: branches.every(({ isRun }) => isRun),
  };
}

function sequence(parser: Parser): Piece {
  let text = '';
  let longest = 0;
  // Of the stretch of digits and separators that is being read, and of the one with the most digits.
  let stretch = { digits: 0, solid: 0 };
  let most = stretch;
  // Digits together at the end of what was read.
  let together = 0;
  let bareDigits = 0;
  let isPlain = true;
  let isSolid = true;
  let least = 0;
  let isRun = true;
  while (parser.at < parser.source.length && !'|)'.includes(parser.source[parser.at] ?? '')) {
    const piece = repeated(parser, atom(parser));
    text += piece.text;
    longest += piece.longest;
    bareDigits += piece.bareDigits;
    together = piece.isSolid ? together + piece.digits : 0;
    stretch = piece.isPlain
      ? { digits: stretch.digits + piece.digits, solid: Math.max(stretch.solid, piece.solid, together) }
      : { digits: 0, solid: 0 };
    // Both figures are of one stretch: what stands together elsewhere says nothing about it.
    for (const one of [piece, stretch]) if (one.digits >= most.digits) most = { digits: one.digits, solid: one.solid };
    isPlain &&= piece.isPlain;
    isSolid &&= piece.isSolid;
    least += piece.least;
    isRun &&= piece.isRun;
  }
  return { text, longest, ...most, bareDigits, isPlain, isSolid, least, isRun };
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
  parser.isQuoting ||= is(one, '"');
  const isPlace = one === '\\b' || one === '\\B';
  // A character of a `\p` class may take two units.
  const digits = DIGITS_ONLY.test(one) ? 1 : 0;
  const longest = isPlace ? 0 : one.includes('\\p') || one.includes('\\P') ? 2 : 1;
  return {
    text: `(?:${one}|$)`,
    longest,
    digits,
    solid: digits,
    bareDigits: isPlace ? 0 : ANY_DIGIT.some((digit) => is(one, digit)) ? 1 : Number.POSITIVE_INFINITY,
    isPlain: digits > 0 || SEPARATORS_ONLY.test(one),
    isSolid: digits > 0,
    least: isPlace ? 0 : 1,
    isRun: RUN_ONLY.test(one),
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
    digits: piece.digits * (piece.isPlain ? times : Math.min(times, 1)),
    solid: piece.solid * (piece.isSolid ? times : Math.min(times, 1)),
    bareDigits: times === 0 ? 0 : piece.bareDigits * times,
    isPlain: piece.isPlain,
    isSolid: piece.isSolid,
    least: piece.least * times,
    isRun: piece.isRun,
  };
}

function unreadable({ source, at }: Parser): RangeError {
  return new RangeError(`cannot read the pattern ${source} from ${at} on`);
}
