/** A whole chain as JSON lines, which `portcullis audit verify` takes: first its checkpoints, then its records. */

import { PortcullisError } from '@portcullis/runtime';
import type { EvidenceQuery } from './evidence-query.js';
import type { EvidenceStore } from './store.js';

/** Records that are read at a time. */
const PAGE = 200;
/** The newest of so many checkpoints are enough to say where damage begins; the last alone proves all before it. */
const MAX_CHECKPOINTS = 500;

/**
 * The lines of a chain as it is when this is called, each with its end.
 * A checkpoint is `{"checkpoint":"<signed note>"}`; a record, or the tombstone in its place, is itself.
 * @throws PortcullisError `ERR_EVIDENCE_EXPORT` when a record is gone before it was read, as after a retention run.
 */
export async function* exportChain(
  writer: string,
  parts: { readonly store: Pick<EvidenceStore, 'read'>; readonly query: EvidenceQuery },
): AsyncGenerator<string> {
  const { store, query } = parts;
  const chain = await query.chain(writer);
  if (chain === undefined) return;
  for (const note of await query.checkpoints(writer, MAX_CHECKPOINTS))
    yield `${JSON.stringify({ checkpoint: note })}\n`;
  let next = chain.droppedTo + 1;
  while (next <= chain.end.seq) {
    const records = await store.read(writer, next, Math.min(PAGE, chain.end.seq - next + 1));
    for (const { seq, line } of records) {
      if (seq !== next) break;
      yield `${line}\n`;
      next += 1;
    }
    if (records.length === 0 || records.at(-1)?.seq !== next - 1) {
      throw new PortcullisError(
        'ERR_EVIDENCE_EXPORT',
        'conflict',
        `record ${next} was dropped meanwhile; export again`,
      );
    }
  }
}
