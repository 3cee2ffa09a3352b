/**
 * Patterns for which the runtime's own engine is as safe as RE2. RE2's guarantee is that time grows no faster than the
 * text; a backtracking engine gives the same as long as it never has two ways to go on. Those patterns are read here,
 * written anew for that engine, and run some fifty times faster. Every other pattern is RE2's.
 */

/** Inclusive ranges of code points, ascending and apart. */
type Ranges = readonly (readonly [first: number, last: number])[];

/** One step of a pattern. */
interface Element {
  /** What it is made of: one character of a set, or one of some sequences. */
  readonly of: { readonly set: Ranges } | { readonly alternatives: readonly (readonly Element[])[] };
  readonly min: number;
  /** Infinity when it has no bound. */
  readonly max: number;
}

/** A pattern that was understood. */
export interface NativePattern {
  /** For texts without surrogates only: it compares units where RE2 compares characters. Neither global nor sticky. */
  readonly expression: RegExp;
  /** What every match begins with, at the beginning of the text; empty when nothing is certain. */
  readonly prefix: string;
}

/** Ways to go on that the alternatives and options of one pattern may open, all together. */
const MAX_WAYS = 32;
/** Characters of the longest match of a pattern that may begin anywhere. */
const MAX_FLOATING_LENGTH = 64;
const MAX_CODE_POINT = 0x10ffff;
const MAX_UNIT = 0xffff;

/** Reads a pattern that RE2 takes; nothing for one that is better left to RE2. */
export function nativePattern(pattern: string): NativePattern | undefined {
  const anchored = pattern.startsWith('^');
  const reader = createReader(anchored ? pattern.slice(1) : pattern);
  const alternatives = reader.alternatives();
  if (alternatives === undefined || !reader.ended()) return undefined;
  const [only] = alternatives;
  // An anchor belongs to one alternative only.
  if (alternatives.length > 1 && (anchored || reader.closed())) return undefined;
  const elements: readonly Element[] =
    alternatives.length === 1 && only !== undefined ? only : [{ of: { alternatives }, min: 1, max: 1 }];
  if (waysOf(elements) > MAX_WAYS || !isDeterministic(elements)) return undefined;
  if (!anchored && longestOf(elements) > MAX_FLOATING_LENGTH) return undefined;
  const source = `${anchored ? '^' : ''}${elements.map(written).join('')}${reader.closed() ? '$' : ''}`;
  return { expression: new RegExp(source), prefix: anchored ? prefixOf(elements) : '' };
}

interface Reader {
  /** Nothing when something was not understood. */
  alternatives(): readonly (readonly Element[])[] | undefined;
  ended(): boolean;
  /** Whether the pattern ends with `$`. */
  closed(): boolean;
}

const CLASSES: Readonly<Record<string, Ranges>> = {
  d: [[0x30, 0x39]],
  w: [
    [0x30, 0x39],
    [0x41, 0x5a],
    [0x5f, 0x5f],
    [0x61, 0x7a],
  ],
  s: [
    [0x09, 0x0a],
    [0x0c, 0x0d],
    [0x20, 0x20],
  ],
};
const NEWLINE: Ranges = [[0x0a, 0x0a]];
const PUNCTUATION = /^[!-/:-@[-`{-~]$/;
const META = new Set('.+*?()|[]{}^$\\');
const REPEAT = /^\{(\d{1,3})(,(\d{0,3}))?\}/;

function createReader(pattern: string): Reader {
  // By code point, as both engines compare.
  const units = Array.from(pattern);
  let at = 0;
  let closed = false;

  const readEscape = (): Ranges | undefined => {
    const unit = units[at + 1] ?? '';
    at += 2;
    const named = CLASSES[unit.toLowerCase()];
    if (named !== undefined) return unit === unit.toLowerCase() ? named : complement(named);
    return PUNCTUATION.test(unit) ? single(unit) : undefined;
  };
  const readClass = (): Ranges | undefined => {
    at += 1;
    const negated = units[at] === '^';
    if (negated) at += 1;
    const ranges: (readonly [number, number])[] = [];
    for (let first = true; first || units[at] !== ']'; first = false) {
      const unit = units[at];
      // A bracket that is a member, and classes inside the class: rare, and read differently by different readers.
      if (unit === undefined || unit === '[' || (first && unit === ']')) return undefined;
      const low = unit === '\\' ? readEscape() : single(unit);
      if (low === undefined) return undefined;
      if (unit !== '\\') at += 1;
      if (units[at] !== '-' || units[at + 1] === ']') {
        ranges.push(...low);
        continue;
      }
      const end = units[at + 1];
      const from = low[0]?.[0] ?? 0;
      const isOne = low.length === 1 && low[0]?.[1] === from;
      if (!isOne || end === undefined || end === '\\' || end === '[') return undefined;
      at += 2;
      const to = end.codePointAt(0) ?? 0;
      if (to < from) return undefined;
      ranges.push([from, to]);
    }
    at += 1;
    return negated ? complement(merged(ranges)) : merged(ranges);
  };
  const readAtom = (): Element['of'] | undefined => {
    const unit = units[at] ?? '';
    if (unit === '(') {
      at += 1;
      if (units[at] === '?') {
        if (units[at + 1] !== ':') return undefined;
        at += 2;
      }
      const inner = alternatives();
      if (inner === undefined || units[at] !== ')' || closed) return undefined;
      at += 1;
      return { alternatives: inner };
    }
    let set: Ranges | undefined;
    if (unit === '[') set = readClass();
    else if (unit === '\\') set = readEscape();
    else {
      set = unit === '.' ? complement(NEWLINE) : META.has(unit) ? undefined : single(unit);
      at += 1;
    }
    return set === undefined ? undefined : { set };
  };
  const readRepeat = (): readonly [number, number] | undefined => {
    const unit = units[at];
    const simple = ({ '*': [0, Infinity], '+': [1, Infinity], '?': [0, 1] } as const)[unit ?? ''];
    if (simple !== undefined) {
      at += 1;
      return simple;
    }
    if (unit !== '{') return [1, 1];
    const match = REPEAT.exec(units.slice(at, at + 10).join(''));
    if (match === null) return undefined;
    at += match[0].length;
    const min = Number(match[1]);
    if (match[2] === undefined) return [min, min];
    return [min, match[3] === '' ? Infinity : Number(match[3])];
  };
  const sequence = (): readonly Element[] | undefined => {
    const elements: Element[] = [];
    while (at < units.length && units[at] !== '|' && units[at] !== ')') {
      if (units[at] === '$' && at === units.length - 1) {
        at += 1;
        closed = true;
        return elements;
      }
      const of = readAtom();
      const repeat = of === undefined ? undefined : readRepeat();
      if (of === undefined || repeat === undefined) return undefined;
      // Whether as much or as little as possible is taken does not change whether there is a match.
      if (units[at] === '?') at += 1;
      if (units[at] === '*' || units[at] === '+' || units[at] === '?' || units[at] === '{') return undefined;
      elements.push({ of, min: repeat[0], max: repeat[1] });
    }
    return elements;
  };
  const alternatives = (): readonly (readonly Element[])[] | undefined => {
    const all: (readonly Element[])[] = [];
    for (;;) {
      const one = sequence();
      if (one === undefined) return undefined;
      all.push(one);
      if (units[at] !== '|') return all;
      at += 1;
    }
  };
  return { alternatives, ended: () => at === units.length, closed: () => closed };
}

/**
 * Whether every repetition ends in one place only: where it can go on, nothing that follows can begin. Groups are not
 * repeated at all.
 */
function isDeterministic(elements: readonly Element[], follow: Ranges = []): boolean {
  for (const [index, { of, min, max }] of elements.entries()) {
    const next = firstOf(elements.slice(index + 1), follow);
    if ('set' in of) {
      if (max > 1 && min !== max && meet(of.set, next)) return false;
    } else if (max > 1 || of.alternatives.some((one) => !isDeterministic(one, next))) return false;
  }
  return true;
}

/** What a match of these elements, or of what follows when they match nothing, can begin with. */
function firstOf(elements: readonly Element[], follow: Ranges): Ranges {
  const ranges: (readonly [number, number])[] = [];
  for (const { of, min } of elements) {
    if ('set' in of) ranges.push(...of.set);
    else ranges.push(...of.alternatives.flatMap((one) => firstOf(one, [])));
    if (min > 0 && !mayBeEmpty(of)) return merged(ranges);
  }
  return merged([...ranges, ...follow]);
}

function mayBeEmpty(of: Element['of']): boolean {
  return 'alternatives' in of && of.alternatives.some((one) => one.every(({ of, min }) => min === 0 || mayBeEmpty(of)));
}

function waysOf(elements: readonly Element[]): number {
  return elements.reduce((ways, { of, min, max }) => {
    const inside = 'set' in of ? 1 : of.alternatives.reduce((sum, one) => sum + waysOf(one), 0);
    return ways * (inside + (min === 0 && max === 1 ? 1 : 0));
  }, 1);
}

function longestOf(elements: readonly Element[]): number {
  return elements.reduce((sum, { of, max }) => {
    return sum + max * ('set' in of ? 1 : Math.max(...of.alternatives.map(longestOf)));
  }, 0);
}

function prefixOf(elements: readonly Element[]): string {
  let prefix = '';
  for (const { of, min, max } of elements) {
    const only = 'set' in of && of.set.length === 1 ? of.set[0] : undefined;
    if (only === undefined || only[0] !== only[1] || min === 0) break;
    prefix += String.fromCodePoint(only[0]).repeat(min);
    if (max !== min) break;
  }
  return prefix;
}

function written({ of, min, max }: Element): string {
  const inner =
    'set' in of
      ? `[${of.set.map(writtenRange).join('')}]`
      : `(?:${of.alternatives.map((one) => one.map(written).join('')).join('|')})`;
  if (min === 1 && max === 1) return inner;
  return `${inner}{${min},${max === Infinity ? '' : max}}`;
}

/** Nothing beyond the units: a text with more is not for this expression. An empty class matches nothing, as it should. */
function writtenRange([first, last]: readonly [number, number]): string {
  if (first > MAX_UNIT) return '';
  const escaped = (point: number): string => `\\u${Math.min(point, MAX_UNIT).toString(16).padStart(4, '0')}`;
  return `${escaped(first)}-${escaped(last)}`;
}

function single(unit: string): Ranges {
  const point = unit.codePointAt(0) ?? 0;
  return [[point, point]];
}

function merged(ranges: Ranges): Ranges {
  const result: (readonly [number, number])[] = [];
  for (const [first, last] of ranges.toSorted((a, b) => a[0] - b[0])) {
    const before = result.at(-1);
    if (before !== undefined && first <= before[1] + 1)
      result[result.length - 1] = [before[0], Math.max(before[1], last)];
    else result.push([first, last]);
  }
  return result;
}

function complement(ranges: Ranges): Ranges {
  const result: (readonly [number, number])[] = [];
  let next = 0;
  for (const [first, last] of ranges) {
    if (first > next) result.push([next, first - 1]);
    next = last + 1;
  }
  if (next <= MAX_CODE_POINT) result.push([next, MAX_CODE_POINT]);
  return result;
}

function meet(a: Ranges, b: Ranges): boolean {
  return a.some(([firstA, lastA]) => b.some(([firstB, lastB]) => firstA <= lastB && firstB <= lastA));
}
