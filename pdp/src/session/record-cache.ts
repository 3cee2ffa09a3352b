/** Records that were read or written lately, so that an unchanged session is neither sent nor parsed again. */

import type { SessionRecord } from './record.js';

/** A record and the version under which the store has it. */
export interface CachedRecord {
  readonly version: string;
  readonly record: SessionRecord;
  /** Bytes of its text, about what it takes here as well. */
  readonly size: number;
}

/** The cache. What it forgets is read again. */
export interface RecordCache {
  get(member: string): CachedRecord | undefined;
  set(member: string, cached: CachedRecord): void;
  delete(member: string): void;
}

/** The least recently used go first; `maxBytes` counts the records' texts. */
export function createRecordCache(maxBytes: number): RecordCache {
  const entries = new Map<string, CachedRecord>();
  let bytes = 0;
  const remove = (member: string): void => {
    bytes -= entries.get(member)?.size ?? 0;
    entries.delete(member);
  };
  return {
    get: (member) => {
      const found = entries.get(member);
      if (found === undefined) return undefined;
      entries.delete(member);
      entries.set(member, found);
      return found;
    },
    set: (member, cached) => {
      remove(member);
      entries.set(member, cached);
      bytes += cached.size;
      for (const [oldest] of entries) {
        if (bytes <= maxBytes) break;
        remove(oldest);
      }
    },
    delete: remove,
  };
}
