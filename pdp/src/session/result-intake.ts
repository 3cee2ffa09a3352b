/** What PEPs report of results, written into the session of the attempt that brought them. */

import type { CanonicalRequest, Json } from '@portcullis/policy/model';
import type { SessionParts } from './context-source.js';
import type { SESSION_RESULTS, SessionKey } from './port.js';
import { attemptName, awaitedBy, withResult } from './record.js';

/** A result as it was reported. */
export interface ReportedResult {
  readonly key: SessionKey;
  /** Lower-case hex digest of the request that was allowed. */
  readonly requestDigest: string;
  readonly result: Json;
  /** Whether it is only a part of what came. */
  readonly truncated: boolean;
}

/** What becomes of it. */
export type ResultOutcome = (typeof SESSION_RESULTS)[number];

/** Takes results. Rejects when an attempt was sealed under another key: all PDPs of a cluster have one. */
export interface ResultIntake {
  /**
   * Keeps a result, once. Only for an attempt that was allowed in exactly that session: what nobody was allowed to do
   * cannot have a result, so a report can change no session but the reporter's own, and only where it was asked for.
   */
  keep(reported: ReportedResult): Promise<ResultOutcome>;
}

/** Builds it. */
export function createResultIntake({ sessions, model, sealer, annotationsOf, observer }: SessionParts): ResultIntake {
  const keep = async ({ key, requestDigest, result, truncated }: ReportedResult): Promise<ResultOutcome> => {
    const attempt = attemptName(requestDigest);
    // Another decision point may have decided it.
    const known = await sessions.read(key);
    if (known.outcome === 'unknown') return known.cause;
    const awaited = awaitedBy(known.record, attempt);
    if (awaited === undefined) return 'unasked';
    const changed = await sessions.apply(key, (record) => {
      const open = awaitedBy(record, attempt);
      if (open?.request === undefined) return undefined;
      const request = JSON.parse(sealer.open(open.request) ?? '') as CanonicalRequest;
      const annotations = annotationsOf(request);
      const declared = annotations === undefined ? {} : { annotations };
      const state = model.afterEvent(record.state, { type: 'resulted', request, result, ...declared });
      // What was cut off is as good as forgotten.
      return withResult(record, open, truncated ? { ...state, overflow: true } : state);
    });
    if (changed.outcome === 'unknown') return changed.cause;
    return changed.outcome === 'kept' ? 'kept' : 'repeated';
  };
  return {
    keep: async (reported) => {
      const outcome = await keep(reported);
      observer.sessionResult(outcome);
      return outcome;
    },
  };
}
