/** Which elements of a list a leaf must hold for. */
export type Quantifier = 'any' | 'all';

/** A name of a path, and the quantifiers behind it: `to[any]`; several for lists of lists. */
export interface PathSegment {
  readonly name: string;
  readonly quantifiers: readonly Quantifier[];
}

/** Names of a path. */
export const MAX_SEGMENTS = 16;
const QUANTIFIER = /^\[(any|all)\](?=[.[]|$)/;

/**
 * Splits `a.b\.c[any]` into `a` and `b.c` with its quantifier. The only escapes are `\.`, `\\` and `\[`.
 * A text is what is wrong.
 */
export function splitPath(text: string): readonly PathSegment[] | string {
  const segments: PathSegment[] = [];
  let name = '';
  let quantifiers: Quantifier[] = [];
  const fault = `"${text}" is not a field path: names joined by dots, a dot inside a name written as "\\."`;
  const close = (): void => {
    segments.push({ name, quantifiers });
    name = '';
    quantifiers = [];
  };
  for (let index = 0; index < text.length; index += 1) {
    const char = text[index] ?? '';
    if (char === '\\') {
      const escaped = text[index + 1] ?? '';
      if (!ESCAPED.has(escaped)) return fault;
      name += escaped;
      index += 1;
    } else if (char === '.') {
      close();
    } else if (char === '[') {
      const quantifier = QUANTIFIER.exec(text.slice(index))?.[1];
      if (quantifier !== 'any' && quantifier !== 'all') {
        return `the path "${text}" has a "[": elements of a list are asked for with [any] or [all], and a bracket inside a name is written as "\\["`;
      }
      quantifiers.push(quantifier);
      index += quantifier.length + 1;
    } else {
      name += char;
    }
  }
  close();
  if (segments.some((segment) => segment.name === '')) return fault;
  return segments.length > MAX_SEGMENTS ? `the path "${text}" has more than ${MAX_SEGMENTS} names` : segments;
}

const ESCAPED: ReadonlySet<string> = new Set(['.', '\\', '[']);

/** The path of segments, in its normal spelling. */
export function joinPath(segments: readonly PathSegment[]): string {
  return segments
    .map(({ name, quantifiers }) => escapeName(name) + quantifiers.map((quantifier) => `[${quantifier}]`).join(''))
    .join('.');
}

/** The path of names, escaped. */
export function joinSegments(names: readonly string[]): string {
  return names.map(escapeName).join('.');
}

function escapeName(name: string): string {
  return name.replace(/[\\.[]/g, '\\$&');
}
