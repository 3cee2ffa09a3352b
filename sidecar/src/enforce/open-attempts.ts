/**
 * Attempts that were allowed and are still being carried out: a stream may last for hours. When a kill switch moved, each
 * is asked about again, and cut off if it is stopped now, or if nobody can say (ADR-0018).
 */

import type { CanonicalRequest } from '@portcullis/policy/model';
import { LOG_FIELD, type Logger } from '@portcullis/runtime';
import type { Answer, PolicyClient } from '../ask/port.js';
import { withBackstop } from './with-backstop.js';

/** The attempts under way. */
export interface OpenAttempts {
  /** Until the returned function is called; `cut` ends it early, is called once at most, and must not throw. */
  add(request: CanonicalRequest, cut: () => void): () => void;
  /** What a PDP says of its kill switch; the first thing that each says is news too, unless nothing was ever stopped there. */
  killEpoch(endpoint: string, epoch: number): void;
  /** How often a kill switch has moved. Who waits between a decision and what it allows looks whether it is the same still. */
  readonly kills: number;
  /** What stops a request that was allowed before, as {@link PolicyClient.stops}; never rejects, and always settles. */
  stops(request: CanonicalRequest): Promise<Answer | undefined>;
}

/** What it needs. */
export interface OpenAttemptsOptions {
  readonly client: Pick<PolicyClient, 'stops'>;
  readonly log: Logger;
  /** Milliseconds after which nobody waits for an answer of the client, whose own deadline is far shorter. */
  readonly backstopMs: number;
}

interface Entry {
  readonly request: CanonicalRequest;
  readonly cut: () => void;
}

/** Asked about at once. */
const AT_ONCE = 32;

/** Nothing is under way yet. */
export function createOpenAttempts({ client, log, backstopMs }: OpenAttemptsOptions): OpenAttempts {
  const open = new Set<Entry>();
  const epochs = new Map<string, number>();
  let kills = 0;
  let isDue = false;
  let isAsking = false;

  const stops = (request: CanonicalRequest): Promise<Answer | undefined> =>
    withBackstop(client.stops(request), backstopMs).catch((thrown: unknown) => {
      log.error({ [LOG_FIELD.error]: thrown }, 'Asking failed');
      return { kind: 'failure', failure: { code: 'INTERNAL_ERROR', message: 'the question could not be asked' } };
    });
  const ask = async (entry: Entry): Promise<void> => {
    const stop = await stops(entry.request);
    if (stop === undefined || !open.delete(entry)) return;
    log.warn('Attempt under way cut off by the kill switch');
    entry.cut();
  };
  const askAll = async (): Promise<void> => {
    isDue = true;
    if (isAsking) return;
    isAsking = true;
    try {
      while (isDue) {
        isDue = false;
        const entries = [...open];
        for (let at = 0; at < entries.length; at += AT_ONCE) {
          const batch = entries.slice(at, at + AT_ONCE).filter((entry) => open.has(entry));
          await Promise.all(batch.map(ask));
        }
      }
    } finally {
      // Whatever happens, the next kill is looked at.
      isAsking = false;
    }
  };

  return {
    add(request, cut) {
      const entry: Entry = { request, cut };
      open.add(entry);
      return () => void open.delete(entry);
    },
    killEpoch(endpoint, epoch) {
      const before = epochs.get(endpoint) ?? 0;
      epochs.set(endpoint, epoch);
      // A PDP that was started again may count from another number.
      if (epoch === before) return;
      kills += 1;
      void askAll();
    },
    get kills() {
      return kills;
    },
    stops,
  };
}
