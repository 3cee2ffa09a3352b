import { isTextRune, MAX_RUNE, type PatternAutomaton, type PatternState } from './pattern-automaton.js';

/** Texts that a list of patterns cannot tell apart: for each pattern whether it matches, and the shortest such text. */
export interface TextCell {
  readonly matches: readonly boolean[];
  readonly sample: string;
}

/** The cells of the texts that are not among `besides`. */
export interface TextCells {
  readonly cells: readonly TextCell[];
  /** Whether there are no others. */
  readonly complete: boolean;
}

/** What a search may cost. */
export interface TextLimits {
  readonly states: number;
  /** UTF-16 units; longer texts are not looked at. */
  readonly length: number;
}

/** Enough for the patterns that people write; a search that hits it is incomplete, not wrong. */
export const TEXT_LIMITS: TextLimits = { states: 3000, length: 1024 };

interface Place {
  readonly states: readonly PatternState[];
  /** The node in the tree of `besides`; nothing once the text is none of their beginnings. */
  readonly node: TextNode | undefined;
  readonly text: string;
}

interface TextNode {
  readonly id: number;
  readonly children: Map<number, TextNode>;
  ends: boolean;
}

/**
 * Enumerates the cells of the texts other than `besides` by walking all automata in step, breadth first: the first text
 * found in a cell is one of its shortest.
 */
export function textCells(
  automata: readonly PatternAutomaton[],
  besides: readonly string[],
  limits: TextLimits = TEXT_LIMITS,
): TextCells {
  const root = treeOf(besides);
  const alphabet = alphabetOf(automata, root);
  const start: Place = { states: automata.map((one) => one.start), node: root, text: '' };
  const seen = new Set<string>([keyOf(start)]);
  const found = new Map<string, TextCell>();
  const all = 2 ** automata.length;
  let complete = true;
  let queue: Place[] = [start];
  while (queue.length > 0 && found.size < all) {
    const further: Place[] = [];
    for (const place of queue) {
      if (place.node?.ends !== true) {
        const matches = automata.map((one, index) => one.accepts(place.states[index] as PatternState));
        const key = matches.map(Number).join('');
        if (!found.has(key)) found.set(key, { matches, sample: place.text });
      }
      for (const rune of alphabet) {
        const next = step(place, rune, automata);
        const key = keyOf(next);
        if (seen.has(key)) continue;
        if (seen.size >= limits.states || next.text.length > limits.length) {
          complete = false;
          continue;
        }
        seen.add(key);
        further.push(next);
      }
    }
    queue = further;
  }
  return { cells: [...found.values()], complete: complete || found.size === all };
}

function step(place: Place, rune: number, automata: readonly PatternAutomaton[]): Place {
  return {
    states: automata.map((one, index) => one.next(place.states[index] as PatternState, rune)),
    node: place.node?.children.get(rune),
    text: place.text + String.fromCodePoint(rune),
  };
}

function keyOf({ states, node }: Place): string {
  return `${states.map((state) => state.key).join(' ')}|${node?.id ?? ''}`;
}

function treeOf(texts: readonly string[]): TextNode {
  const root: TextNode = { id: 0, children: new Map(), ends: false };
  let count = 0;
  for (const text of texts) {
    let node = root;
    for (const char of text) {
      const rune = char.codePointAt(0) ?? 0;
      let child = node.children.get(rune);
      if (child === undefined) {
        count += 1;
        child = { id: count, children: new Map(), ends: false };
        node.children.set(rune, child);
      }
      node = child;
    }
    node.ends = true;
  }
  return root;
}

/** Characters that people expect in a text, the likeliest first. */
const PLAIN = 'xabcdefghijklmnopqrstuvwyz0123456789XABCDEFGHIJKLMNOPQRSTUVWYZ-_./:@ ';

/** One code point of every range that the automata and the tree treat alike. */
function alphabetOf(automata: readonly PatternAutomaton[], root: TextNode): readonly number[] {
  const breaks = new Set<number>([0]);
  for (const { breaks: own } of automata) for (const rune of own) breaks.add(rune);
  const visit = (node: TextNode): void => {
    for (const [rune, child] of node.children) {
      breaks.add(rune);
      breaks.add(rune + 1);
      visit(child);
    }
  };
  visit(root);
  const starts = [...breaks].sort((a, b) => a - b);
  const plain = Array.from(PLAIN, (char) => char.codePointAt(0) ?? 0);
  const chosen = starts.flatMap((from, index) => {
    const to = (starts[index + 1] ?? MAX_RUNE + 1) - 1;
    const rune = plain.find((one) => one >= from && one <= to) ?? from;
    return isTextRune(rune) ? [rune] : [];
  });
  const rank = (rune: number): number => {
    const at = plain.indexOf(rune);
    return at === -1 ? plain.length + rune : at;
  };
  return chosen.sort((a, b) => rank(a) - rank(b));
}
