/** The obligation `log_intent_signals`, carried out after the answer: a record of its own, beside the decision's. */

import type { IntentEntry } from '@portcullis/policy/evidence';
import { type ContextualRequest, LOG_INTENT_SIGNALS } from '@portcullis/policy/model';
import { type Clock, LOG_FIELD, type Logger, PortcullisError } from '@portcullis/runtime';
import type { DecisionFollower } from '../pipeline/ports.js';

/** Cut where nobody would read on: without an assessor the signals are the caller's own words. */
const MAX_NAMES = 64;
const MAX_NAME = 128;
/** Others are left out: in an object, names that are numbers stand in another order than the chain's. */
const DIMENSION = /^[A-Za-z][A-Za-z0-9_.:-]{0,127}$/;

/** Writes them. Nothing is held up by it; a record that cannot be written is in the log. */
export interface IntentLog extends DecisionFollower {
  /** Resolves when nothing is under way. */
  idle(): Promise<void>;
}

/** Builds it. @param record where records go */
export function createIntentLog(
  record: (entry: IntentEntry) => Promise<void>,
  { clock, log }: { readonly clock: Clock; readonly log: Logger },
): IntentLog {
  const recording = new Set<Promise<void>>();
  return {
    follows: (_question, { obligations }) => obligations.some(({ type }) => type === LOG_INTENT_SIGNALS),
    decided: (_question, request, { decision_id: id }) => {
      const written = record(entryOf(request, id, clock.now()))
        .catch((cause: unknown) => {
          log.warn({ [LOG_FIELD.error]: PortcullisError.from(cause) }, 'Signals of an intent could not be recorded');
        })
        .finally(() => recording.delete(written));
      recording.add(written);
    },
    idle: async () => void (await Promise.all(recording)),
  };
}

function entryOf(
  { tenant_id: tenant, agent, intent_risk: risk }: ContextualRequest,
  id: string,
  now: number,
): IntentEntry {
  const signals = new Set((risk?.behavioral_signals ?? []).map(({ signal_type: type }) => type.slice(0, MAX_NAME)));
  const dimensions = Object.entries(risk?.risk_dimensions ?? {}).filter(([name]) => DIMENSION.test(name));
  return {
    kind: 'intent',
    decision_id: id,
    tenant,
    agent: agent.id,
    decision: risk?.decision ?? 'UNKNOWN',
    signals: [...signals].slice(0, MAX_NAMES),
    dimensions: Object.fromEntries(dimensions.slice(0, MAX_NAMES)),
    at: new Date(now).toISOString(),
  };
}
