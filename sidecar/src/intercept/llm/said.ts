/** What a model says in a stream, put together again. */

/** What a model said. */
export interface Said {
  /** As it came. */
  readonly bytes: number;
  count(piece: string): void;
  /** As the agent gets it. */
  keep(channel: string, text: string): string;
  /** A text that came in one piece, or once more. What is decided as a call is none. */
  keepWhole(text: string): string;
  text(): string;
}

/** Nothing was said yet. @param isKept whether the texts are wanted in the end, and not only how many there were */
export function createSaid(isKept: boolean): Said {
  const channels = new Map<string, string[]>();
  const wholes = new Set<string>();
  let bytes = 0;
  return {
    get bytes() {
      return bytes;
    },
    count(piece) {
      bytes += Buffer.byteLength(piece);
    },
    keep(channel, text) {
      if (!isKept) return text;
      const known = channels.get(channel);
      if (known === undefined) channels.set(channel, [text]);
      else known.push(text);
      return text;
    },
    keepWhole(text) {
      if (isKept && text !== '') wholes.add(text);
      return text;
    },
    text() {
      const spoken = [...channels.values()].map((pieces) => pieces.join(''));
      // What a provider says at the end need not be what it has said before. Looked up, and not looked for: there may be many.
      return [...spoken, ...wholes.difference(new Set(spoken))].join('\n');
    },
  };
}
