/**
 * Second stage: binds the request to the release it is decided under, and adds what the caller did not say of it (trust,
 * labels, history, approvals): only what the bundle reads is fetched, so that adjudication stays pure.
 */

import type { Clock } from '@portcullis/runtime';
import { byDeadline } from './by-deadline.js';
import {
  type ContextualRequest,
  denied,
  mintContextual,
  type NormalizedRequest,
  next,
  type StageResult,
} from './chain.js';
import type { ContextSource, Question, Snapshot, SnapshotSource } from './ports.js';
import { supplemented, unavailable } from './supplement.js';

/** What the stage needs. */
export interface ContextParts {
  readonly snapshots: SnapshotSource;
  /** In the order in which they add; a later one has the last word. */
  readonly sources: readonly ContextSource[];
  readonly clock: Clock;
}

/** Takes the current snapshot and what its bundle reads; without a valid one nothing can be allowed. */
export type Contextualize = (
  normalized: NormalizedRequest,
  question: Question,
) => StageResult<ContextualRequest> | Promise<StageResult<ContextualRequest>>;

/** Builds the stage. At once when the bundle reads of no source. */
export function createContextualize({ snapshots, sources, clock }: ContextParts): Contextualize {
  const asked = new WeakMap<Snapshot, readonly ContextSource[]>();
  const sourcesOf = (snapshot: Snapshot): readonly ContextSource[] => {
    const known = asked.get(snapshot);
    if (known !== undefined) return known;
    const needed = sources.filter(({ provides }) => provides.some((path) => isRead(path, snapshot.engine.factsNeeded)));
    asked.set(snapshot, needed);
    return needed;
  };
  return (normalized, question) => {
    const current = snapshots.current();
    if (!current.ok) return denied('NO_VALID_BUNDLE', current.message);
    const { snapshot } = current;
    const needed = sourcesOf(snapshot);
    const { request } = normalized;
    if (needed.length === 0) return next(mintContextual({ normalized, snapshot, request }));
    return supplementAll(needed, question, clock).then((supplements) =>
      next(mintContextual({ normalized, snapshot, request: supplements.reduce(supplemented, request) })),
    );
  };
}

async function supplementAll(
  sources: readonly ContextSource[],
  question: Question,
  clock: Clock,
): Promise<readonly ReturnType<typeof unavailable>[]> {
  return Promise.all(
    sources.map(async (source) => {
      try {
        const left = question.deadline - clock.monotonic();
        return (await byDeadline(Promise.resolve(source.supplement(question)), left)) ?? unavailable(source.provides);
      } catch {
        return unavailable(source.provides);
      }
    }),
  );
}

/** Whether a bundle reads a field, something in it, or something that holds it. */
function isRead(path: string, factsNeeded: readonly string[]): boolean {
  return factsNeeded.some(
    (needed) => needed === '' || needed === path || isBelow(needed, path) || isBelow(path, needed),
  );
}

function isBelow(path: string, container: string): boolean {
  return path.startsWith(container) && (path[container.length] === '.' || path[container.length] === '[');
}
