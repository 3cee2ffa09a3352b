import type { Position } from '../../dsl/source-document.js';

/** Cedar's parser spends about this many times more stack on a bracket than on a link of a chain such as `a || b`. */
const BRACKET_WEIGHT = 3;
/** Longest first. */
const CHAINED = ['&&', '||', '+', '-', '*', 'else', 'then'] as const;
const POSTFIXED = ['.', '!', 'if'] as const;

/** Replaces comments by blanks, so that every other character stays in its place. */
export function blankComments(text: string): string {
  let blanked = '';
  let from = 0;
  for (const { start, end } of commentsOf(text)) {
    blanked += text.slice(from, start) + text.slice(start, end).replace(/[^\n]/g, ' ');
    from = end;
  }
  return blanked + text.slice(from);
}

function* commentsOf(text: string): Generator<{ readonly start: number; readonly end: number }> {
  for (let index = 0; index < text.length; index += 1) {
    if (text[index] === '"') index = endOfString(text, index);
    else if (text.startsWith('//', index)) {
      const newline = text.indexOf('\n', index);
      const end = newline === -1 ? text.length : newline;
      yield { start: index, end };
      index = end;
    }
  }
}

/** The index of the quote that ends the string; the text's end when nothing does. */
function endOfString(text: string, start: number): number {
  for (let index = start + 1; index < text.length; index += 1) {
    if (text[index] === '\\') index += 1;
    else if (text[index] === '"') return index;
  }
  return text.length;
}

/** Which brackets nest: those of policies, or those of schemas, where `Set<Long>` has some more. */
export const BRACKETS = { policy: ['([{', ')]}'], schema: ['([{<', ')]}>'] } as const;

interface Group {
  /** Links of a chain such as `a || b || c`. */
  chain: number;
  /** Postfixes and prefixes of one operand, such as `a.b.c`. */
  run: number;
}

/**
 * A bound on how deep Cedar's syntax tree of this text can be: the library recurses over it on a small stack, and an
 * overflow there would leave it unusable for the rest of the process. Brackets, links of a chain and postfixes count.
 */
export function measureDepth(text: string, [open, close]: readonly [string, string] = BRACKETS.policy): number {
  let group: Group = { chain: 0, run: 0 };
  const parents: Group[] = [];
  let outer = 0;
  let deepest = 0;
  for (let index = 0; index < text.length; index += 1) {
    const character = text[index] as string;
    if (character === '"') {
      index = endOfString(text, index);
    } else if (open.includes(character)) {
      outer += BRACKET_WEIGHT + group.chain + group.run;
      parents.push(group);
      group = { chain: 0, run: 0 };
    } else if (close.includes(character)) {
      const parent = parents.pop();
      if (parent === undefined) continue;
      group = parent;
      outer -= BRACKET_WEIGHT + group.chain + group.run;
    } else if (character === ',' || character === ';') {
      group.chain = 0;
      group.run = 0;
    } else {
      const link = tokenAt(text, index, CHAINED);
      const postfix = link === undefined ? tokenAt(text, index, POSTFIXED) : undefined;
      if (link !== undefined) {
        group.chain += 1;
        group.run = 0;
      } else if (postfix !== undefined) group.run += 1;
      index += (link ?? postfix ?? ' ').length - 1;
    }
    deepest = Math.max(deepest, outer + group.chain + group.run);
  }
  return deepest;
}

function tokenAt<T extends string>(text: string, index: number, tokens: readonly T[]): T | undefined {
  return tokens.find((token) => {
    if (!text.startsWith(token, index)) return false;
    if (!/[a-z]/.test(token)) return true;
    return !/\w/.test(text[index - 1] ?? ' ') && !/\w/.test(text[index + token.length] ?? ' ');
  });
}

/** The place of a character. */
export function placeOf(text: string, offset: number): Position {
  const before = text.slice(0, offset);
  const lines = before.split('\n');
  return [lines.length, (lines.at(-1) ?? '').length + 1];
}

/** The index of the character at a byte of the text's UTF-8 form, which is how Cedar counts. */
export function characterAt(text: string, byteOffset: number): number {
  const bytes = new TextEncoder().encode(text).subarray(0, byteOffset);
  return new TextDecoder().decode(bytes).length;
}
