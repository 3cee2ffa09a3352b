/** Sessions as the rest of the PDP knows them: read and changed as records, one change after the other. */

import { type SessionKey, type SessionStore, type StoredKey, storedKey, type Unknown } from './port.js';
import { emptyRecord, readRecord, type SessionRecord } from './record.js';
import { createRecordCache } from './record-cache.js';

/** A session as it is known. */
export type Known =
  | { readonly outcome: 'known' | 'new'; readonly record: SessionRecord }
  /** Nobody can tell what it has done. */
  | Unknown;

/** What became of a change; `unchanged` when there was nothing to change. */
export type Changed = { readonly outcome: 'kept' | 'unchanged' } | Unknown;

/** Makes the next record of one; `undefined` leaves it as it is. */
export type Change = (record: SessionRecord) => SessionRecord | undefined;

/** All sessions. Rejects only when a change throws. */
export interface Sessions {
  read(key: SessionKey): Promise<Known>;
  /**
   * Changes a session in one step: `change` gets the record as it is, and is called again when somebody else was faster.
   * Changes of one session are made in the order in which they are asked for.
   */
  apply(key: SessionKey, change: Change): Promise<Changed>;
}

/** What sessions are made of. */
export interface SessionsParts {
  readonly store: SessionStore;
  /** No record is larger as text, in bytes; one that would be is forgotten. */
  readonly maxBytes: number;
  /** Unique at every call. */
  readonly newVersion: () => string;
}

/** A record, and the version under which the store has it; none while it has not. */
type Current =
  | { readonly outcome: 'known' | 'new'; readonly record: SessionRecord; readonly version: string | undefined }
  | Unknown;

interface Waiting {
  readonly change: Change;
  readonly done: (changed: Changed) => void;
  readonly failed: (defect: unknown) => void;
}

/** In each round somebody's changes were kept; whoever loses so often in a row gives up. */
const MAX_ROUNDS = 64;
/** Changes that are written together. */
const MAX_TOGETHER = 64;
const CACHE_BYTES = 32 * 1024 * 1024;

/** Builds it. */
export function createSessions({ store, maxBytes, newVersion }: SessionsParts): Sessions {
  const cache = createRecordCache(CACHE_BYTES);
  /** Changes of each session that wait while others are being written. */
  const queues = new Map<string, Waiting[]>();

  const lost = (key: StoredKey, cause: Unknown['cause'] = 'forgotten'): Unknown => {
    cache.delete(key.member);
    // So that other decision points, which may not have seen it, hear of it.
    void store.forget(key);
    return { outcome: 'unknown', cause };
  };
  const understood = (key: StoredKey, version: string, text: string, floor: number): Current => {
    const record = readRecord(text);
    // A store that has it as it was before, as after a failover.
    if (record === undefined || record.sequence < floor) return lost(key);
    // Somebody here may have read or written a later one meanwhile.
    if (record.sequence >= (cache.get(key.member)?.record.sequence ?? 0)) {
      cache.set(key.member, { version, record, size: text.length });
    }
    return { outcome: 'known', record, version };
  };
  const read = async (key: StoredKey): Promise<Current> => {
    const cached = cache.get(key.member);
    const reading = await store.read(key, cached?.version);
    switch (reading.outcome) {
      case 'unknown':
        return unknown(key, reading);
      case 'same':
        return cached === undefined ? lost(key) : { outcome: 'known', ...cached };
      case 'new':
        return cached === undefined ? { outcome: 'new', record: emptyRecord(), version: undefined } : lost(key);
      case 'kept':
        return understood(key, reading.version, reading.text, cached?.record.sequence ?? 0);
    }
  };
  const unknown = (key: StoredKey, why: Unknown): Unknown => {
    // Without an answer it is still what it was, and the floor for what will be answered.
    if (why.cause !== 'store') cache.delete(key.member);
    return why;
  };
  /** What became of each change, in order. */
  const changeAll = async (key: StoredKey, changes: readonly Change[]): Promise<readonly Changed[]> => {
    const all = (changed: Changed): readonly Changed[] => changes.map(() => changed);
    // What was read for the decision is most likely what is still there.
    const cached = cache.get(key.member);
    let current: Current = cached === undefined ? await read(key) : { outcome: 'known', ...cached };
    for (let round = 0; round < MAX_ROUNDS; round += 1) {
      if (current.outcome === 'unknown') return all(current);
      const { record, version: previous } = current;
      const made = madeBy(record, changes);
      if (made.record === record) return made.outcomes;
      const text = JSON.stringify(made.record);
      if (Buffer.byteLength(text) > maxBytes) return all(lost(key, 'too_large'));
      const version = newVersion();
      const labelsChanged = JSON.stringify(made.record.state.labels) !== JSON.stringify(record.state.labels);
      const replaced = await store.replace(key, { previous, version, text, labelsChanged });
      if (replaced.outcome === 'kept') {
        cache.set(key.member, { version, record: made.record, size: text.length });
        return made.outcomes;
      }
      if (replaced.outcome === 'unknown') return all(unknown(key, replaced));
      current = understood(key, replaced.version, replaced.text, record.sequence);
    }
    return all({ outcome: 'unknown', cause: 'contended' });
  };
  const work = async (key: StoredKey, queue: Waiting[]): Promise<void> => {
    while (queue.length > 0) {
      const together = queue.splice(0, MAX_TOGETHER);
      try {
        const changes = together.map(({ change }) => change);
        const outcomes = await changeAll(key, changes);
        for (const [index, { done }] of together.entries()) {
          done(outcomes[index] ?? { outcome: 'unknown', cause: 'store' });
        }
      } catch (defect) {
        for (const { failed } of together) failed(defect);
      }
    }
    queues.delete(key.member);
  };

  return {
    read: (key) => read(storedKey(key)),
    apply: (key, change) => {
      const stored = storedKey(key);
      return new Promise((done, failed) => {
        const waiting: Waiting = { change, done, failed };
        const queue = queues.get(stored.member);
        if (queue !== undefined) {
          queue.push(waiting);
          return;
        }
        const begun = [waiting];
        queues.set(stored.member, begun);
        void work(stored, begun);
      });
    },
  };
}

function madeBy(
  first: SessionRecord,
  changes: readonly Change[],
): { readonly record: SessionRecord; readonly outcomes: readonly Changed[] } {
  let record = first;
  const outcomes = changes.map((change): Changed => {
    const next = change(record);
    record = next ?? record;
    return { outcome: next === undefined ? 'unchanged' : 'kept' };
  });
  return { record, outcomes };
}
