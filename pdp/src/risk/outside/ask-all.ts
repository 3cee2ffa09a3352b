/** Asks every analyser outside at once, each within its deadline. */

import type { ContextualRequest } from '@portcullis/policy/model';
import type { OutsideFindings, WeighedFinding } from '@portcullis/policy/risk';
import { type Clock, PortcullisError } from '@portcullis/runtime';
import type { OutsideAnalysers } from '../assessor.js';
import type { OUTSIDE_OUTCOMES, RiskObserver } from '../baselines/port.js';
import type { OutsideAnalyser } from './analyser.js';
import { findingsOf } from './answer.js';
import { type Breaker, createBreaker } from './breaker.js';

/** What it is made of. */
export interface OutsideParts {
  readonly analysers: readonly OutsideAnalyser[];
  readonly clock: Clock;
  readonly observer: Pick<RiskObserver, 'riskOutside'>;
  /** Questions under way at once, of one analyser; more are not asked. */
  readonly maxInFlight: number;
  /** A longer subject is not sent, in bytes. */
  readonly maxSubjectBytes: number;
}

type Outcome = (typeof OUTSIDE_OUTCOMES)[number];
type Asked = { readonly findings: readonly WeighedFinding[] } | { readonly why: string; readonly outcome: Outcome };

/** What is left for the decision after the last answer, in milliseconds. */
const RESERVED_MS = 5;

/** Builds it. `ask` rejects with `ERR_RISK_ANALYSER` when one that is required did not answer as it must. */
export function createOutsideAnalysers(parts: OutsideParts): OutsideAnalysers {
  const states = parts.analysers.map((analyser) => ({ analyser, breaker: createBreaker(parts.clock), inFlight: 0 }));
  return {
    ask: async (question, request) => {
      const subject = subjectOf(request);
      const left = question.deadline - parts.clock.monotonic() - RESERVED_MS;
      const asked = await Promise.all(states.map(async (state) => askOne(state, subject, left, parts)));
      const findings: WeighedFinding[] = [];
      const notSeen: string[] = [];
      for (const [index, answer] of asked.entries()) {
        const { name, required } = states[index]?.analyser ?? { name: '', required: true };
        if ('findings' in answer) findings.push(...answer.findings);
        else if (required) {
          throw new PortcullisError('ERR_RISK_ANALYSER', 'unavailable', `the risk analyser ${name}: ${answer.why}`);
        } else notSeen.push(`${name} (${answer.why})`);
      }
      return { findings, notSeen } satisfies OutsideFindings;
    },
  };
}

async function askOne(
  state: { readonly analyser: OutsideAnalyser; readonly breaker: Breaker; inFlight: number },
  subject: Uint8Array,
  leftMs: number,
  { clock, observer, maxInFlight, maxSubjectBytes }: OutsideParts,
): Promise<Asked> {
  const startedAt = clock.monotonic();
  const { analyser, breaker } = state;
  const timeoutMs = Math.min(analyser.deadlineMs, leftMs);
  const skip = (why: string): Asked => {
    observer.riskOutside('skipped', 0);
    return { why, outcome: 'skipped' };
  };
  if (subject.byteLength > maxSubjectBytes) return skip('too much to send');
  if (timeoutMs < 1) return skip('no time left');
  if (state.inFlight >= maxInFlight) return skip('busy');
  if (!breaker.admits()) return skip('failed before');
  state.inFlight += 1;
  const asked = await withinTime(analyser, subject, timeoutMs);
  state.inFlight -= 1;
  const isAnswer = 'findings' in asked;
  if (isAnswer) breaker.succeeded();
  else breaker.failed();
  observer.riskOutside(isAnswer ? 'answered' : asked.outcome, (clock.monotonic() - startedAt) / 1_000);
  return asked;
}

/** Never rejects, and is over in time whatever the transport does. */
function withinTime(analyser: OutsideAnalyser, subject: Uint8Array, timeoutMs: number): Promise<Asked> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve({ why: 'late', outcome: 'late' }), timeoutMs);
    const settle = (asked: Asked): void => {
      clearTimeout(timer);
      resolve(asked);
    };
    const asking = async (): Promise<unknown> => analyser.transport.ask(subject, timeoutMs);
    asking().then(
      (value) => {
        const findings = findingsOf(value, analyser);
        settle(findings === undefined ? { why: 'not an answer', outcome: 'invalid' } : { findings });
      },
      () => settle({ why: 'no answer', outcome: 'failed' }),
    );
  });
}

/** What an analyser is shown: everything that policies are, arguments included. */
function subjectOf({ facts, unavailable: _unavailable, ...request }: ContextualRequest): Uint8Array {
  return new TextEncoder().encode(JSON.stringify({ version: '1', request, facts: facts ?? {} }));
}
