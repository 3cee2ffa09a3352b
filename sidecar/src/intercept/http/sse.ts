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

/** Makes a reader. Linear in the bytes, however they are cut. */
export function createSseReader(options: { readonly maxEventBytes: number }): SseReader {
  const { maxEventBytes } = options;
  // Of what came, `from` to `to` belongs to the event that has begun. Places in here.
  let store: Buffer = EMPTY;
  let from = 0;
  let to = 0;
  // Where the current line starts, and how far it was searched, so that a slow stream is not searched again and again.
  let lineStart = 0;
  let searched = 0;
  let fields = newFields();
  let atStreamStart = true;
  let afterCr = false;

  function append(chunk: Uint8Array): void {
    const held = to - from;
    if (held === 0 || to + chunk.length > store.length) {
      // Room for as much again, so that a byte is not moved with every chunk.
      const larger = Buffer.allocUnsafe(held === 0 ? chunk.length : 2 * (held + chunk.length));
      store.copy(larger, 0, from, to);
      store = larger;
      lineStart -= from;
      searched -= from;
      from = 0;
      to = held;
    }
    store.set(chunk, to);
    to += chunk.length;
  }

  function take(end: number): SseEvent {
    if (end - from > maxEventBytes) throw new RangeError('an event is larger than allowed');
    const raw = Buffer.from(store.subarray(from, end));
    const event = { raw, type: fields.type, data: joinedLines(raw, fields.data), hasId: fields.hasId };
    from = end;
    fields = newFields();
    return event;
  }

  return {
    push(chunk) {
      append(chunk);
      const events: SseEvent[] = [];
      const endOfLine = lineEnds(store.subarray(0, to));
      for (;;) {
        const end = endOfLine(searched);
        if (end === -1) {
          searched = to;
          break;
        }
        // The LF of a CRLF that was cut in two belongs to the line that its CR has already ended.
        if (end === lineStart && afterCr && store[end] === LF) {
          afterCr = false;
          lineStart = end + 1;
          searched = lineStart;
          continue;
        }
        const cr = store[end] === CR;
        const next = end + (cr && end + 1 < to && store[end + 1] === LF ? 2 : 1);
        afterCr = cr && next === to && next === end + 1;
        const start = atStreamStart ? afterMark(store, lineStart) : lineStart;
        atStreamStart = false;
        lineStart = next;
        searched = next;
        if (start >= end) events.push(take(next));
        else readField(store.subarray(0, end), start, from, fields);
      }
      if (to - from > maxEventBytes) throw new RangeError('an event is larger than allowed');
      return events;
    },
    get pending() {
      return to - from;
    },
  };
}

/** After a byte order mark. */
function afterMark(bytes: Buffer, at: number): number {
  return bytes[at] === 0xef && bytes[at + 1] === 0xbb && bytes[at + 2] === 0xbf ? at + 3 : at;
}

interface Fields {
  type: string;
  /** Where in the event the values of its `data` lines begin and end, in turns: a line may be nothing but its name. */
  readonly data: number[];
  hasId: boolean;
}

function newFields(): Fields {
  return { type: '', data: [], hasId: false };
}

/** @param from where the event begins */
function readField(bytes: Buffer, lineStart: number, from: number, fields: Fields): void {
  const line = bytes.subarray(lineStart);
  const colon = line.indexOf(COLON);
  if (colon === 0) return;
  const name = (colon === -1 ? line : line.subarray(0, colon)).toString('utf8');
  const valueStart = colon === -1 ? line.length : colon + (line[colon + 1] === SPACE ? 2 : 1);
  if (name === 'data') fields.data.push(lineStart + valueStart - from, bytes.length - from);
  else if (name === 'event') fields.type = line.subarray(valueStart).toString('utf8');
  else if (name === 'id') fields.hasId = true;
}

/** The `data` lines of an event, with line feeds between them. */
function joinedLines(raw: Buffer, places: readonly number[]): Buffer | undefined {
  if (places.length === 0) return undefined;
  let length = places.length / 2 - 1;
  for (let at = 0; at < places.length; at += 2) length += (places[at + 1] ?? 0) - (places[at] ?? 0);
  const joined = Buffer.allocUnsafe(length);
  let end = 0;
  for (let at = 0; at < places.length; at += 2) {
    if (at > 0) end = joined.writeUInt8(LF, end);
    end += raw.copy(joined, end, places[at], places[at + 1]);
  }
  return joined;
}

/** Tells where the line ends that goes on from a place; -1 for one that does not end. Asked about places in order, it is linear. */
function lineEnds(bytes: Buffer): (from: number) => number {
  let lf = -2;
  let cr = -2;
  return (from) => {
    if (lf !== -1 && lf < from) lf = bytes.indexOf(LF, from);
    if (cr !== -1 && cr < from) cr = bytes.indexOf(CR, from);
    return lf === -1 || cr === -1 ? Math.max(lf, cr) : Math.min(lf, cr);
  };
}

/** An event with other data: every other line of it stays as it was. */
export function withData(raw: Buffer, data: Buffer): Buffer {
  const parts: Buffer[] = [];
  const endOfLine = lineEnds(raw);
  let isWritten = false;
  for (let start = 0; start < raw.length; ) {
    const end = endOfLine(start);
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
