/** Keeps decisions under the release and the epochs that they were made under (contracts §5, ADR-0017). */

import {
  type CacheHint,
  createKeptDecisions,
  type KeptEntry,
  type KeptLimits,
  type Verdict,
} from '@portcullis/policy/model';
import { type Epochs, sameEpochs } from '@portcullis/proto';
import type { Clock } from '@portcullis/runtime';
import type { EpochSource } from '../epochs/epochs.js';
import type { ContextSource, DecisionMemory, Recalled, Snapshot } from '../pipeline/ports.js';
import { type Circumstances, dependsOnHistory, keepable, type UnkeptReason } from './keepable.js';

/** Who counts what the cache does. */
export interface CacheObserver {
  looked(found: boolean): void;
  unkept(reason: UnkeptReason): void;
}

/** What the cache needs. */
export interface DecisionCacheOptions {
  readonly limits: KeptLimits;
  /** Nothing is kept for longer, whatever the bundle says. */
  readonly maxTtlSeconds: number;
  readonly epochs: Pick<EpochSource, 'current'>;
  readonly sources: readonly Pick<ContextSource, 'provides' | 'steady' | 'speaksUnder'>[];
  readonly assessesRisk: boolean;
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly observer: CacheObserver;
}

/** The cache; `entries` is what it holds. */
export interface DecisionCache extends DecisionMemory {
  readonly entries: number;
}

/** One generation of what is kept. */
interface Under {
  readonly snapshot: Snapshot;
  readonly epochs: Epochs;
  readonly circumstances: Circumstances;
  /** Why nothing of this bundle is kept. */
  readonly never: UnkeptReason | undefined;
}

interface Held {
  readonly verdict: Verdict;
  readonly scope: string;
}

/** Nothing may be kept. */
const NOTHING: CacheHint = Object.freeze({ ttl_seconds: 0, scope: '' });

/** Starts empty. */
export function createDecisionCache(options: DecisionCacheOptions): DecisionCache {
  const { epochs, clock, observer, sources, assessesRisk } = options;
  const kept = createKeptDecisions<Held>(options.limits);
  /** What everything that is kept was made under. */
  let under: Under | undefined;

  /** The epochs now; what was kept under others is gone. */
  const at = (snapshot: Snapshot): Under => {
    const now = epochs.current();
    if (under?.snapshot === snapshot && sameEpochs(under.epochs, now)) return under;
    kept.clear();
    const speaking = sources.filter((source) => source.speaksUnder?.(snapshot) !== false);
    const circumstances = { factsNeeded: snapshot.engine.factsNeeded, sources: speaking, assessesRisk };
    under = { snapshot, epochs: now, circumstances, never: dependsOnHistory(circumstances) };
    return under;
  };

  return {
    look(question, snapshot) {
      const ttlSeconds = Math.min(snapshot.engine.cacheTtlSeconds, options.maxTtlSeconds);
      if (ttlSeconds <= 0) return undefined;
      const before = at(snapshot);
      if (before.never !== undefined) {
        observer.unkept(before.never);
        return undefined;
      }
      const beganAt = clock.monotonic();
      const found = kept.find(question.request, beganAt);
      observer.looked(found !== undefined);
      return {
        found: found === undefined ? undefined : recalled(found, beganAt),
        keep(judged) {
          const answer = keepable(judged, before.circumstances);
          if (!answer.ok) {
            observer.unkept(answer.reason);
            return NOTHING;
          }
          const { scope } = answer;
          // The answer carries the numbers from before: a sidecar that knows of the change will not keep it either.
          if (under !== before || at(snapshot) !== before) {
            observer.unkept('moved');
            return NOTHING;
          }
          const isKept = kept.add({
            scope,
            request: question.request,
            value: { verdict: judged.verdict, scope },
            bytes: sizeOf(judged.verdict),
            expiresAt: beganAt + ttlSeconds * 1000,
          });
          if (!isKept) observer.unkept('size');
          return hint(ttlSeconds, scope);
        },
      };
    },
    get entries() {
      return kept.entries;
    },
  };
}

function hint(ttlSeconds: number, scope: string): CacheHint {
  return ttlSeconds < 1 ? NOTHING : { ttl_seconds: ttlSeconds, scope };
}

/** What is left of its time is all that whoever is answered with it may have. */
function recalled({ value, expiresAt }: KeptEntry<Held>, now: number): Recalled {
  return { verdict: value.verdict, cache: hint(Math.floor((expiresAt - now) / 1000), value.scope) };
}

/** Characters of it as text, two bytes each: near enough for a cap. */
function sizeOf(verdict: Verdict): number {
  return 2 * JSON.stringify(verdict).length;
}
