/** Changing one member of a result without touching a byte of the others. */

import { walkJson } from '@portcullis/policy/content';

interface Span {
  readonly start: number;
  readonly end: number;
}

/**
 * The message without those elements of `result.<member>` that `keeps` does not want, by their place in the list. What
 * stays keeps its exact characters; the text is valid JSON and has that list.
 */
export function withoutElements(message: string, member: string, keeps: (index: number) => boolean): string {
  const list = memberSpan(message, member);
  if (list === undefined) return message;
  const kept = elementSpans(message, list)
    .filter((_span, index) => keeps(index))
    .map(({ start, end }) => message.slice(start, end));
  return `${message.slice(0, list.start)}[${kept.join(',')}]${message.slice(list.end)}`;
}

/** The message with another text as `result.<member>`, where it has that member. */
export function withText(message: string, member: string, text: string): string {
  const span = memberSpan(message, member);
  return span === undefined
    ? message
    : `${message.slice(0, span.start)}${JSON.stringify(text)}${message.slice(span.end)}`;
}

function memberSpan(message: string, member: string): Span | undefined {
  let found: Span | undefined;
  walkJson(message, {
    enter(path, range) {
      if (path.length === 1) return path[0] === 'result';
      if (path.length === 2 && path[1] === member) found = range();
      return false;
    },
    leaf: () => undefined,
  });
  return found;
}

function elementSpans(text: string, list: Span): readonly Span[] {
  const spans: Span[] = [];
  let depth = 0;
  let start = list.start + 1;
  const close = (end: number): void => {
    const trimmed = text.slice(start, end);
    if (trimmed.trim() !== '') {
      const from = start + (trimmed.length - trimmed.trimStart().length);
      spans.push({ start: from, end: from + trimmed.trim().length });
    }
    start = end + 1;
  };
  for (let at = list.start; at < list.end; at += 1) {
    const character = text[at];
    if (character === '"') {
      at += 1;
      while (text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
    } else if (character === '[' || character === '{') depth += 1;
    else if (character === ']' || character === '}') {
      depth -= 1;
      if (depth === 0) close(at);
    } else if (character === ',' && depth === 1) close(at);
  }
  return spans;
}
