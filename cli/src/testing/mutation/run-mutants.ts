import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '@portcullis/runtime';
import type { Share } from '../percentage.js';
import type { Subject } from '../subject.js';
import { caseName, type TestCase } from '../suite.js';
import { createJudge } from './judge.js';
import { compileDrafts, type MutantHead, originsOf, planMutants } from './mutants.js';

/** What became of a mutant. `not_run`: the time was up. */
export type MutantFate = 'killed' | 'survived' | 'equivalent' | 'not_run';

/** A mutant and what became of it. */
export interface MutantResult extends MutantHead {
  readonly fate: MutantFate;
  /** The case that failed first. */
  readonly killedBy?: string;
}

/** How well tests notice changes of the policies. */
export interface MutationReport {
  /** Mutants that a test noticed, of those that change a decision at all. What was not run counts as not noticed. */
  readonly score: Share;
  readonly results: readonly MutantResult[];
}

/** How a run is bounded and watched. */
export interface MutationOptions {
  readonly seconds: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Called after every mutant. */
  readonly onProgress: (done: number, total: number, killed: number) => void;
}

/** Drafts that are compiled together. */
const BATCH = 32;

/** Runs the cases against every mutant of every subject. The cases must pass without a mutation. */
export async function runMutants(
  subjects: readonly { readonly subject: Subject; readonly cases: readonly TestCase[] }[],
  options: MutationOptions,
): Promise<MutationReport> {
  const { clock, signal } = options;
  const deadline = clock.monotonic() + options.seconds * 1000;
  const plans = subjects.map(({ subject, cases }) => {
    const origins = originsOf(subject);
    const judge = createJudge(subject, origins, cases);
    return { subject, origins, judge, drafts: planMutants(subject, origins, judge.isTouched) };
  });
  const total = plans.reduce((sum, { drafts }) => sum + drafts.length, 0);
  const tally = createTally();
  let done = 0;
  for (const { subject, origins, judge, drafts } of plans) {
    for (let from = 0; from < drafts.length; from += BATCH) {
      const batch = drafts.slice(from, from + BATCH);
      const inTime = (): boolean => clock.monotonic() < deadline && !signal.aborted;
      const mutants = inTime() ? compileDrafts(subject, origins, batch) : undefined;
      for (const [index, { head }] of batch.entries()) {
        const mutant = mutants?.[index];
        if (mutants === undefined) tally.add(head, 'not_run');
        else if (mutant?.equivalent === true) tally.add(head, 'equivalent');
        else if (mutant !== undefined && !tally.isKilled(head)) {
          const killer = inTime() ? judge.killerOf(mutant) : 'late';
          if (killer === 'late') tally.add(head, 'not_run');
          else tally.add(head, killer === undefined ? 'survived' : 'killed', killer);
        }
        done += 1;
        options.onProgress(done, total, tally.killed());
        // An interrupt must get a turn; once the time is up there is nothing left to interrupt.
        if (mutants !== undefined) await nextTurn();
      }
    }
  }
  signal.throwIfAborted();
  const results = tally.results();
  const changing = results.filter(({ fate }) => fate !== 'equivalent');
  return { score: { covered: tally.killed(), total: changing.length }, results };
}

/** A change of a pack is one change, with however many parameters it was compiled: the best that became of it counts. */
const BETTER: readonly MutantFate[] = ['equivalent', 'not_run', 'survived', 'killed'];

interface Tally {
  add(head: MutantHead, fate: MutantFate, killer?: TestCase): void;
  isKilled(head: MutantHead): boolean;
  killed(): number;
  results(): readonly MutantResult[];
}

function createTally(): Tally {
  const byChange = new Map<string, MutantResult>();
  let killed = 0;
  const keyOf = ({ set, policy, path, what }: MutantHead): string => JSON.stringify([set, policy, path, what]);
  return {
    add(head, fate, killer) {
      const known = byChange.get(keyOf(head));
      if (known !== undefined && BETTER.indexOf(known.fate) >= BETTER.indexOf(fate)) return;
      if (fate === 'killed') killed += 1;
      byChange.set(keyOf(head), { ...head, fate, ...(killer === undefined ? {} : { killedBy: caseName(killer) }) });
    },
    isKilled: (head) => byChange.get(keyOf(head))?.fate === 'killed',
    killed: () => killed,
    results: () => [...byChange.values()],
  };
}
