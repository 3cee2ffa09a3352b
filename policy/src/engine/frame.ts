import type { ContextualRequest } from '../model/facts.js';
import { WHOLE_REQUEST } from '../model/path-overlap.js';
import type { FieldReader, Reading } from './read-field.js';

/**
 * The fields that one evaluation read, by their paths. The verdict depends on nothing else of the request: as long as
 * their readings are equal (see `Engine.readerOf`), the same engine gives the same verdict.
 */
export type ReadSet = readonly string[];

/**
 * What is being evaluated. Each field is read at most once per evaluation, and those that were read are known; both for
 * the price of comparing a number. There is one evaluation at a time.
 */
export interface Frame {
  /** Begins an evaluation: everything that was read before is forgotten. */
  begin(): void;
  /** Binds the reader of a field. One path is always bound to equal readers. */
  bind(path: string, read: FieldReader): FieldReader;
  /** Notes that something looks at more of the request than its fields. */
  noteWhole(): void;
  /** What was read since `begin`, in the order of binding. */
  reads(): ReadSet;
  /** Reads a bound field of any request, without noting it. @throws TypeError when the path is not bound */
  readingOf(path: string, request: ContextualRequest): Reading;
}

/** A frame in which nothing was read. */
export function createFrame(): Frame {
  const paths: string[] = [WHOLE_REQUEST];
  const readings: Reading[] = [null];
  // The evaluation in which each field was last read.
  const readAt: number[] = [-1];
  let evaluation = 0;
  const slots = new Map<string, number>([[WHOLE_REQUEST, 0]]);
  const readers: FieldReader[] = [(request) => request as unknown as Reading];
  return {
    begin() {
      evaluation += 1;
    },
    bind(path, read) {
      const slot = slots.get(path) ?? paths.length;
      if (slot === paths.length) {
        slots.set(path, slot);
        paths.push(path);
        readings.push(null);
        readAt.push(-1);
        readers.push(read);
      }
      return (request) => {
        if (readAt[slot] === evaluation) return readings[slot] as Reading;
        const reading = read(request);
        readings[slot] = reading;
        readAt[slot] = evaluation;
        return reading;
      };
    },
    noteWhole() {
      readAt[0] = evaluation;
    },
    reads: () => paths.filter((_, slot) => readAt[slot] === evaluation),
    readingOf(path, request) {
      const reader = readers[slots.get(path) ?? -1];
      if (reader === undefined) throw new TypeError(`no policy reads the field ${path}`);
      return reader(request);
    },
  };
}
