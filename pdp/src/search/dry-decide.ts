/** The pipeline for questions that nobody carries out: the same stages and the same verdict, and nothing comes of it. */

import { createDecide, type Decide, type DecideParts } from '../pipeline/decide.js';
import type { Snapshot } from '../pipeline/ports.js';
import { createUnaskedBook } from './unasked-book.js';
import { createUndrawnQuotas } from './undrawn-quotas.js';

const UNCOUNTED: DecideParts['observer'] = {
  stageTook: () => undefined,
  sourceAnswered: () => undefined,
  decided: () => undefined,
  reserved: () => undefined,
  held: () => undefined,
};

/**
 * Decides under one release, however many questions there are, and whatever is published meanwhile. Reads what the
 * pipeline reads; draws on no quota, uses up no approval or grant, asks nobody to look at it, is remembered by no session or
 * baseline, and is not on record: what it says lets nobody do anything (ADR-0022).
 */
export function createDryDecide(parts: DecideParts): (snapshot: Snapshot) => Decide {
  const dry: DecideParts = {
    ...parts,
    memory: undefined,
    recorder: undefined,
    sink: undefined,
    followers: [],
    reviews: undefined,
    notices: undefined,
    tracer: undefined,
    observer: UNCOUNTED,
    quotas: createUndrawnQuotas(parts.quotas),
    approvals: createUnaskedBook(parts.approvals),
  };
  return (snapshot) => createDecide({ ...dry, snapshots: { current: () => ({ ok: true, snapshot }) } });
}
