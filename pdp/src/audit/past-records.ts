/** Looks back through the chain on disk, newest record first, in slices between which decisions are made. */

import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import type { JsonObject } from '@portcullis/policy/model';
import { type Clock, PortcullisError } from '@portcullis/runtime';
import type { PastDecisions, PastEnd, PastQuestion } from '../approvals/past-decisions.js';
import { listSegments, type SegmentName } from './segments.js';

/** Bounds of one look. */
export interface PastRecordsOptions {
  readonly folder: string;
  readonly clock: Pick<Clock, 'monotonic'>;
  /** Milliseconds. */
  readonly maxMs: number;
  /** Bytes that are read and gone through in one turn of the event loop. */
  readonly sliceBytes?: number;
}

const SLICE_BYTES = 64 * 1024;
const MAX_LINE_BYTES = 4 * 1024 * 1024;
const NEWLINE = 0x0a;
// Texts inside a record have their quotes escaped, so this is the member and nothing that somebody was called.
const AT = /"at":"([^"\\]{1,40})"/;

/** Decisions of the chain in a folder. */
export function createPastRecords(options: PastRecordsOptions): PastDecisions {
  const { folder, clock, maxMs } = options;
  let isLooking = false;

  const lookBack = async (question: PastQuestion, see: (record: JsonObject) => void) => {
    const until = clock.monotonic() + maxMs;
    const isWanted = createSieve(question);
    let from: string | undefined;
    let records = 0;
    const lineEnd = (line: string): PastEnd | undefined => {
      const at = AT.exec(line)?.[1];
      if (at === undefined || Number.isNaN(Date.parse(at))) return 'unreadable';
      if (Date.parse(at) < question.since) return 'reached';
      from = at;
      records += 1;
      const record = isWanted(line);
      if (record !== undefined) see(record);
      return undefined;
    };
    const segments = listSegments(folder);
    for (const segment of segments.toReversed()) {
      const end = await backwards(folder, segment, options.sliceBytes ?? SLICE_BYTES, async (lines) => {
        for (const line of lines) {
          const over = lineEnd(line);
          if (over !== undefined) return over;
        }
        await turn();
        return clock.monotonic() >= until ? 'time' : undefined;
      });
      if (end !== undefined) return { end, from, records };
    }
    return { end: (segments[0]?.first ?? 1) === 1 ? 'beginning' : 'removed', from, records } as const;
  };

  return {
    async look(question, see) {
      if (isLooking) {
        throw new PortcullisError('ERR_APPROVAL_PREVIEW', 'unavailable', 'another preview is being made; try again');
      }
      isLooking = true;
      try {
        return await lookBack(question, see);
      } finally {
        isLooking = false;
      }
    },
  };
}

/** The record, for lines that are wanted; most are told by their text, which is far cheaper than reading them. */
function createSieve({ tenant, agent }: PastQuestion): (line: string) => JsonObject | undefined {
  const parts = ['"kind":"decision"', `"agent":${JSON.stringify(agent)}`, `"tenant":${JSON.stringify(tenant)}`];
  return (line) => {
    if (!parts.every((part) => line.includes(part))) return undefined;
    const record = JSON.parse(line) as JsonObject;
    const isTheirs = record['kind'] === 'decision' && record['agent'] === agent && record['tenant'] === tenant;
    return isTheirs ? record : undefined;
  };
}

type Passed = PastEnd | undefined;

/** The whole lines of a segment in slices, the last one first. What the segment grows by meanwhile is left out. */
async function backwards(
  folder: string,
  { name }: SegmentName,
  sliceBytes: number,
  pass: (lines: readonly string[]) => Promise<Passed>,
): Promise<Passed> {
  let file: FileHandle;
  try {
    file = await open(join(folder, name), 'r');
  } catch {
    // Removed since it was listed, as those before it.
    return 'removed';
  }
  try {
    let end = (await file.stat()).size;
    /** The beginning of a slice, whose line begins in the slice before it. */
    let rest: Buffer = Buffer.alloc(0);
    let isTail = true;
    while (end > 0) {
      const start = Math.max(0, end - sliceBytes);
      const slice = Buffer.allocUnsafe(end - start);
      const { bytesRead } = await file.read(slice, 0, slice.length, start);
      if (bytesRead < slice.length) return 'unreadable';
      end = start;
      let bytes = Buffer.concat([slice, rest]);
      if (isTail) {
        // A last line without its end is being written, or was torn.
        const last = bytes.lastIndexOf(NEWLINE);
        isTail = last < 0;
        if (isTail && bytes.length > MAX_LINE_BYTES) return 'unreadable';
        if (isTail) {
          rest = bytes;
          continue;
        }
        bytes = bytes.subarray(0, last + 1);
      }
      const first = start === 0 ? 0 : bytes.indexOf(NEWLINE) + 1;
      rest = bytes.subarray(0, first);
      if (rest.length > MAX_LINE_BYTES) return 'unreadable';
      const lines = bytes.toString('utf8', first).split('\n').slice(0, -1);
      const over = await pass(lines.toReversed());
      if (over !== undefined) return over;
    }
    return undefined;
  } catch {
    return 'unreadable';
  } finally {
    await file.close();
  }
}
