/**
 * An incremental reader of server-sent events (WHATWG HTML, 9.2) that keeps the original bytes: what is passed on is
 * what arrived, and it is passed on only once it is complete and was read. Works on bytes, so that a character split
 * over two chunks is never decoded half.
 */

/** One complete event. */
export interface SseEvent {
  /** Its bytes as they arrived, comments and the closing blank line included. */
  readonly raw: Buffer;
  /** The `event` field; empty when there is none, which means `message`. */
  readonly type: string;
  /** The `data` lines joined with line feeds, or nothing when there are none. */
  readonly data: Buffer | undefined;
  /** Whether it has an `id` field: a place to resume from. */
  readonly hasId: boolean;
}

/** Reads events out of chunks. */
export interface SseReader {
  /**
   * The events that `chunk` completes.
   * @throws RangeError when an event is larger than `maxEventBytes`; the stream is then unusable.
   */
  push(chunk: Uint8Array): readonly SseEvent[];
  /** Bytes of an event that has begun and not ended. At the end of a stream they are dropped, as browsers do. */
  readonly pending: number;
}

const LF = 0x0a;
const CR = 0x0d;
const COLON = 0x3a;
const SPACE = 0x20;
const EMPTY = Buffer.alloc(0);

/** Makes a reader. */
export function createSseReader(options: { readonly maxEventBytes: number }): SseReader {
  const { maxEventBytes } = options;
  let buffered: Buffer = EMPTY;
  // Where the current line starts, and how far it was searched, so that a slow stream is not searched again and again.
  let lineStart = 0;
  let searched = 0;
  let fields = newFields();
  let atStreamStart = true;
  let afterCr = false;

  function take(end: number): SseEvent {
    if (end > maxEventBytes) throw new RangeError('an event is larger than allowed');
    const raw = Buffer.from(buffered.subarray(0, end));
    const event = {
      raw,
      type: fields.type,
      data: fields.data.length === 0 ? undefined : joinLines(fields.data),
      hasId: fields.hasId,
    };
    buffered = buffered.subarray(end);
    lineStart = 0;
    searched = 0;
    fields = newFields();
    return event;
  }

  return {
    push(chunk) {
      buffered = buffered.length === 0 ? Buffer.from(chunk) : Buffer.concat([buffered, chunk]);
      const events: SseEvent[] = [];
      for (;;) {
        const end = indexOfLineEnd(buffered, searched);
        if (end === -1) {
          searched = buffered.length;
          break;
        }
        // The LF of a CRLF that was cut in two belongs to the line that its CR has already ended.
        if (end === lineStart && afterCr && buffered[end] === LF) {
          afterCr = false;
          lineStart = end + 1;
          searched = lineStart;
          continue;
        }
        const cr = buffered[end] === CR;
        const next = end + (cr && buffered[end + 1] === LF ? 2 : 1);
        afterCr = cr && next === buffered.length && next === end + 1;
        const line = withoutMark(buffered.subarray(lineStart, end));
        atStreamStart = false;
        lineStart = next;
        searched = next;
        if (line.length === 0) events.push(take(next));
        else readField(line, fields);
      }
      if (buffered.length > maxEventBytes) throw new RangeError('an event is larger than allowed');
      return events;
    },
    get pending() {
      return buffered.length;
    },
  };

  function withoutMark(line: Buffer): Buffer {
    const marked = atStreamStart && line[0] === 0xef && line[1] === 0xbb && line[2] === 0xbf;
    return marked ? line.subarray(3) : line;
  }
}

interface Fields {
  type: string;
  data: Buffer[];
  hasId: boolean;
}

function newFields(): Fields {
  return { type: '', data: [], hasId: false };
}

function readField(line: Buffer, fields: Fields): void {
  const colon = line.indexOf(COLON);
  if (colon === 0) return;
  const name = (colon === -1 ? line : line.subarray(0, colon)).toString('utf8');
  const valueStart = colon === -1 ? line.length : colon + (line[colon + 1] === SPACE ? 2 : 1);
  // The chunk buffer is shared with later events, so values are copied.
  const value = Buffer.from(line.subarray(valueStart));
  if (name === 'data') fields.data.push(value);
  else if (name === 'event') fields.type = value.toString('utf8');
  else if (name === 'id') fields.hasId = true;
}

function joinLines(lines: readonly Buffer[]): Buffer {
  const only = lines.length === 1 ? lines[0] : undefined;
  return only ?? Buffer.concat(lines.flatMap((line, at) => (at === 0 ? [line] : [Buffer.from([LF]), line])));
}

function indexOfLineEnd(bytes: Buffer, from: number): number {
  const lf = bytes.indexOf(LF, from);
  const cr = bytes.subarray(0, lf === -1 ? bytes.length : lf).indexOf(CR, from);
  return cr === -1 ? lf : cr;
}

/** An event with other data: every other line of it stays as it was. */
export function withData(raw: Buffer, data: Buffer): Buffer {
  const parts: Buffer[] = [];
  let isWritten = false;
  for (let start = 0; start < raw.length; ) {
    const end = indexOfLineEnd(raw, start);
    const next = end === -1 ? raw.length : end + (raw[end] === CR && raw[end + 1] === LF ? 2 : 1);
    const line = raw.subarray(start, end === -1 ? raw.length : end);
    const isData = /^(?:\u{feff})?data(?::|$)/u.test(line.subarray(0, 8).toString('utf8'));
    if (!isData) parts.push(raw.subarray(start, next));
    else if (!isWritten) {
      const ending = end === -1 ? '\n' : raw.subarray(end, next).toString('latin1');
      parts.push(
        ...data
          .toString('utf8')
          .split('\n')
          .map((part) => Buffer.from(`data: ${part}${ending}`)),
      );
      isWritten = true;
    }
    start = next;
  }
  return Buffer.concat(parts);
}
