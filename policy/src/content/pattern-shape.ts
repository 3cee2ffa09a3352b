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
  const parser = { source: pattern.source, at: 0 };
  const { text, longest, digits } = alternatives(parser);
  if (parser.at < parser.source.length) throw unreadable(parser);
  return { longest, digits, unfinished: new RegExp(`(?:${text})$`, pattern.flags.replace(/[gy]/g, '')) };
}

const DIGITS_ONLY = /^(?:\\d|[0-9]|\[[0-9-]+\])$/;
const SEPARATORS_ONLY = /^(?:[ /-]|\\[.()+/]|\[[ .()+/-]+\]|\\b)$/;

interface Parser {
  readonly source: string;
  at: number;
}

interface Piece {
  /** The pattern, which the end of the text satisfies everywhere. */
  readonly text: string;
  readonly longest: number;
  readonly digits: number;
  /** Whether it is nothing but digits and separators. */
  readonly isPlain: boolean;
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
    isPlain: branches.every(({ isPlain }) => isPlain),
  };
}

function sequence(parser: Parser): Piece {
  let text = '';
  let longest = 0;
  let digits = 0;
  let most = 0;
  let isPlain = true;
  while (parser.at < parser.source.length && !'|)'.includes(parser.source[parser.at] ?? '')) {
    const piece = repeated(parser, atom(parser));
    text += piece.text;
    longest += piece.longest;
    digits = piece.isPlain ? digits + piece.digits : 0;
    most = Math.max(most, digits, piece.digits);
    isPlain &&= piece.isPlain;
  }
  return { text, longest, digits: most, isPlain };
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
  // A character of a `\p` class may take two units.
  const digits = DIGITS_ONLY.test(one) ? 1 : 0;
  const longest = isPlace ? 0 : one.includes('\\p') || one.includes('\\P') ? 2 : 1;
  return { text: `(?:${one}|$)`, longest, digits, isPlain: digits > 0 || SEPARATORS_ONLY.test(one) };
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
    isPlain: piece.isPlain,
  };
}

function unreadable({ source, at }: Parser): RangeError {
  return new RangeError(`cannot read the pattern ${source} from ${at} on`);
}
