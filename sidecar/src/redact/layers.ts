/** Which layers searched under a decision: a note for the record of it. */

import { type LayerNote, type NerOutcome, REDACTION_LAYERS } from '@portcullis/policy/model';
import type { PolicyClient, Settlement } from '../ask/port.js';

/** Keeps notes until the decision that they are about is settled. */
export interface LayerNotes {
  /** What ran under a decision, again for each message. */
  note(decisionId: string, note: LayerNote): void;
  /** The client whose settlements and reports carry the notes. */
  client(inner: PolicyClient): PolicyClient;
}

/** A decision that is never settled is one of a defect of ours; the oldest go. */
const MAX_NOTES = 65_536;
/** From the best to the worst. */
const SEVERITY: readonly NerOutcome[] = ['unneeded', 'answered', 'late', 'failed'];

/** Makes it. */
export function createLayerNotes(): LayerNotes {
  const notes = new Map<string, LayerNote>();
  const noted = <T extends Settlement>(settlement: T): T => {
    const redaction = notes.get(settlement.decision_id);
    return redaction === undefined ? settlement : { ...settlement, redaction };
  };
  return {
    note(decisionId, note) {
      const before = notes.get(decisionId);
      notes.delete(decisionId);
      notes.set(decisionId, before === undefined ? note : together(before, note));
      const [oldest] = notes.keys();
      if (notes.size > MAX_NOTES && oldest !== undefined) notes.delete(oldest);
    },
    client: (inner) => ({
      ask: (request, details) => inner.ask(request, details),
      stops: (request) => inner.stops(request),
      settle(settlement) {
        // To look up a text that was never looked up before costs more than all else here.
        if (notes.size === 0) return inner.settle(settlement);
        inner.settle(noted(settlement));
        notes.delete(settlement.decision_id);
      },
      refused: (attempt) => inner.refused(attempt),
      async report(report) {
        const isTaken = await inner.report(noted(report));
        if (isTaken) notes.delete(report.decision_id);
        return isTaken;
      },
      get ready() {
        return inner.ready;
      },
      close: () => inner.close(),
    }),
  };
}

function together(before: LayerNote, now: LayerNote): LayerNote {
  const ran = new Set([...before.layers, ...now.layers]);
  const outcomes = [before.ner, now.ner].filter((one) => one !== undefined);
  const worst = outcomes.toSorted((a, b) => SEVERITY.indexOf(b) - SEVERITY.indexOf(a)).at(0);
  return {
    layers: REDACTION_LAYERS.filter((layer) => ran.has(layer)),
    ...(worst === undefined ? {} : { ner: worst }),
  };
}
