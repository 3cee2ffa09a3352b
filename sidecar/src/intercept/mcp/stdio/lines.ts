/** Newline-delimited messages out of chunks, with a cap; the framing of MCP over stdio. */

/** A line without its newline, or word of one that was too long. */
export type Line = { readonly kind: 'line'; readonly bytes: Buffer } | { readonly kind: 'too_long' };

/** Splits chunks into lines. */
export interface LineReader {
  /** The lines that `chunk` completes. Blank lines are left out. A line over the cap is skipped to its end. */
  push(chunk: Buffer): readonly Line[];
}

const LF = 0x0a;

/** Makes a reader that keeps at most `maxLineBytes` of an unfinished line. */
export function createLineReader(options: { readonly maxLineBytes: number }): LineReader {
  const { maxLineBytes } = options;
  let parts: Buffer[] = [];
  let size = 0;
  let skipping = false;
  return {
    push(chunk) {
      const lines: Line[] = [];
      let start = 0;
      for (let end = chunk.indexOf(LF); end !== -1; end = chunk.indexOf(LF, start)) {
        add(chunk.subarray(start, end));
        start = end + 1;
        if (skipping) lines.push({ kind: 'too_long' });
        else if (size > 0) {
          const bytes = Buffer.concat(parts);
          if (!isBlank(bytes)) lines.push({ kind: 'line', bytes });
        }
        parts = [];
        size = 0;
        skipping = false;
      }
      add(chunk.subarray(start));
      return lines;
    },
  };

  function add(part: Buffer): void {
    size += part.length;
    if (size > maxLineBytes) {
      skipping = true;
      parts = [];
    } else if (part.length > 0 && !skipping) {
      parts.push(part);
    }
  }
}

function isBlank(bytes: Buffer): boolean {
  return bytes.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d);
}
