/**
 * Third stage: binds the request to the release it is decided under, and adds what the caller did not say of it (trust,
 * labels, history, approvals): only what the bundle reads is fetched, so that adjudication stays pure.
 */

import { overlapsAny } from '@portcullis/policy/model';
import type { Clock } from '@portcullis/runtime';
import { byDeadline } from './by-deadline.js';
import {
  type ContextualRequest,
  denied,
  type IdentifiedRequest,
  mintContextual,
  next,
  type StageResult,
} from './chain.js';
import type {
  ContextSource,
  DecisionObserver,
  Question,
  RiskAssessor,
  Snapshot,
  SnapshotSource,
  SourceOutcome,
  Supplement,
} from './ports.js';
import { readsRisk } from './risk.js';
import { supplemented, unavailable } from './supplement.js';

/** What the stage needs. */
export interface ContextParts {
  readonly snapshots: SnapshotSource;
  /** In the order in which they add; a later one has the last word. */
  readonly sources: readonly ContextSource[];
  readonly clock: Clock;
  readonly observer: Pick<DecisionObserver, 'sourceAnswered'>;
  /** Who judges the risk afterwards, and from what. */
  readonly assessor?: Pick<RiskAssessor, 'reads'> | undefined;
}

/** Takes the current snapshot and what its bundle reads; without a valid one nothing can be allowed. */
export type Contextualize = (
  identified: IdentifiedRequest,
  question: Question,
) => StageResult<ContextualRequest> | Promise<StageResult<ContextualRequest>>;

/** Builds the stage. At once when every source that is asked answers at once. */
export function createContextualize({ snapshots, sources, clock, observer, assessor }: ContextParts): Contextualize {
  const asked = new WeakMap<Snapshot, readonly ContextSource[]>();
  const sourcesOf = (snapshot: Snapshot): readonly ContextSource[] => {
    const known = asked.get(snapshot);
    if (known !== undefined) return known;
    const { factsNeeded } = snapshot.engine;
    const read = readsRisk(factsNeeded) ? [...factsNeeded, ...(assessor?.reads ?? [])] : factsNeeded;
    const needed = sources.filter(
      (source) => source.speaksUnder?.(snapshot) !== false && source.provides.some((path) => overlapsAny(path, read)),
    );
    asked.set(snapshot, needed);
    return needed;
  };
  const ask = (source: ContextSource, question: Question, snapshot: Snapshot): Supplement | Promise<Supplement> => {
    const startedAt = clock.monotonic();
    const told = (outcome: SourceOutcome, supplement: Supplement | undefined): Supplement => {
      observer.sourceAnswered(source.name, outcome, (clock.monotonic() - startedAt) / 1000);
      return supplement ?? unavailable(source.provides);
    };
    try {
      const answer = source.supplement(question, snapshot);
      if (!(answer instanceof Promise)) return told('answered', answer);
      return byDeadline(answer, question.deadline - startedAt).then(
        (supplement) => told(supplement === undefined ? 'late' : 'answered', supplement),
        () => told('failed', undefined),
      );
    } catch {
      return told('failed', undefined);
    }
  };
  return (identified, question) => {
    const current = snapshots.current();
    if (!current.ok) return denied('NO_VALID_BUNDLE', current.message);
    const { snapshot } = current;
    const { normalized, request } = identified;
    const withAll = (supplements: readonly Supplement[]): StageResult<ContextualRequest> =>
      next(mintContextual({ normalized, snapshot, request: supplements.reduce(supplemented, request) }));
    const answers = sourcesOf(snapshot).map((source) => ask(source, question, snapshot));
    const waiting = answers.some((answer) => answer instanceof Promise);
    if (!waiting) return withAll(answers as readonly Supplement[]);
    return Promise.all(answers.map((answer) => Promise.resolve(answer))).then(withAll);
  };
}
