import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import * as fc from 'fast-check';
import { type Breaker, type Circuit, createBreaker, createCircuit } from './breaker.js';
import { pdpConfig } from './config.js';
import type { BreakerState } from './observer.js';
import type { Outcome } from './question.js';

const RESET_MS = 1000;
const WINDOW_MS = 5000;
const BUCKETS = 10;
const VOLUME = 20;
const config = pdpConfig.parse({ endpoints: ['pdp:1'] });

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

const decision: Outcome = {
  answer: { kind: 'failure', failure: { code: 'NO_VALID_BUNDLE', message: 'm' } },
  trips: false,
};
const outage: Outcome = { answer: { kind: 'failure', failure: { code: 'PDP_TIMEOUT', message: 'm' } }, trips: true };

interface Rig {
  readonly circuit: Circuit;
  readonly breaker: Breaker;
  readonly states: BreakerState[];
  readonly counts: { asked: number; probes: number };
  answers: boolean;
  /** Whether PDPs decide too late. */
  alive: boolean;
  ask(outcome: Outcome): Promise<string>;
}

function rig(): Rig {
  const states: BreakerState[] = [];
  const counts = { asked: 0, probes: 0 };
  const circuit = createCircuit(config);
  const breaker = createBreaker({
    circuit,
    config,
    now: () => performance.now(),
    probe: async () => {
      counts.probes += 1;
      return made.answers;
    },
    aliveSince: () => made.alive,
    changed: (state) => states.push(state),
  });
  const made: Rig = {
    circuit,
    breaker,
    states,
    counts,
    answers: false,
    alive: false,
    async ask(outcome) {
      const { answer } = await breaker.run(async () => {
        counts.asked += 1;
        return outcome;
      });
      return answer.kind === 'failure' ? answer.failure.code : answer.decision.effect;
    },
  };
  return made;
}

async function askTimes(made: Rig, times: number, outcome: Outcome): Promise<readonly string[]> {
  const codes: string[] = [];
  for (let n = 0; n < times; n += 1) codes.push(await made.ask(outcome));
  return codes;
}

describe('the breaker', () => {
  test('does not open below the volume, and opens with the question that reaches it', async () => {
    const made = rig();
    expect(await askTimes(made, VOLUME - 1, outage)).toEqual(Array(VOLUME - 1).fill('PDP_TIMEOUT'));
    expect(made.breaker.state).toBe('closed');
    expect(await made.ask(outage)).toBe('PDP_TIMEOUT');
    expect(made.breaker.state).toBe('open');
    expect(made.states).toEqual(['open']);
  });

  test('refuses without asking while it is open', async () => {
    const made = rig();
    await askTimes(made, VOLUME, outage);
    expect(await askTimes(made, 100, decision)).toEqual(Array(100).fill('PDP_BREAKER_OPEN'));
    expect(made.counts).toEqual({ asked: VOLUME, probes: 0 });
  });

  test('opens with as many failures in a row, however good the times before were', async () => {
    const made = rig();
    await askTimes(made, 10_000, decision);
    for (let n = 0; n < VOLUME; n += 1) {
      expect(made.breaker.state).toBe('closed');
      await made.ask(outage);
      await jest.advanceTimersByTimeAsync(10);
    }
    expect(made.breaker.state).toBe('open');
  });

  test('waits as long as it would stay open when PDPs decide, but too late', async () => {
    const made = rig();
    made.alive = true;
    await askTimes(made, 10_000, decision);
    for (let ms = 0; ms < RESET_MS; ms += 10) {
      await made.ask(outage);
      expect(made.breaker.state).toBe('closed');
      await jest.advanceTimersByTimeAsync(10);
    }
    await made.ask(outage);
    expect(made.breaker.state).toBe('open');
  });

  test('does not open for what fails all at once: that may have been our own stall', async () => {
    const made = rig();
    await askTimes(made, 1000, decision);
    await askTimes(made, 10 * VOLUME, outage);
    await jest.advanceTimersByTimeAsync(200);
    expect(await made.ask(decision)).toBe('NO_VALID_BUNDLE');
    expect(await made.ask(outage)).toBe('PDP_TIMEOUT');
    expect(made.breaker.state).toBe('closed');
  });

  test('never opens for failures that are answers', async () => {
    const made = rig();
    await askTimes(made, 10 * VOLUME, decision);
    expect(made.states).toEqual([]);
  });

  test('closes by its probe and costs no question', async () => {
    const made = rig();
    await askTimes(made, VOLUME, outage);
    await jest.advanceTimersByTimeAsync(RESET_MS);
    expect(made.states).toEqual(['open', 'half_open', 'open']);
    made.answers = true;
    await jest.advanceTimersByTimeAsync(RESET_MS);
    expect(made.states).toEqual(['open', 'half_open', 'open', 'half_open', 'closed']);
    expect(made.counts).toEqual({ asked: VOLUME, probes: 2 });
    expect(await made.ask(decision)).toBe('NO_VALID_BUNDLE');
  });

  test('refuses while the probe runs, and takes a probe that throws for a failed one', async () => {
    let finish: ((error: Error) => void) | undefined;
    const circuit = createCircuit(config);
    const breaker = createBreaker({
      circuit,
      config,
      now: () => performance.now(),
      probe: () =>
        new Promise((_resolve, reject) => {
          finish = reject;
        }),
      aliveSince: () => false,
      changed: () => undefined,
    });
    for (let n = 0; n < VOLUME; n += 1) await breaker.run(async () => outage);
    await jest.advanceTimersByTimeAsync(RESET_MS);
    expect(breaker.state).toBe('half_open');
    expect((await breaker.run(async () => decision)).answer).toMatchObject({ failure: { code: 'PDP_BREAKER_OPEN' } });
    finish?.(new Error('defect'));
    await jest.advanceTimersByTimeAsync(1);
    expect(breaker.state).toBe('open');
  });

  test('denies when the circuit was disabled: opossum would let everything through', async () => {
    const made = rig();
    made.circuit.disable();
    expect(await made.ask(decision)).toBe('PDP_BREAKER_OPEN');
    made.circuit.enable();
    expect(await made.ask(decision)).toBe('NO_VALID_BUNDLE');
  });

  test('denies when it is closed for good', async () => {
    const made = rig();
    made.breaker.close();
    expect(await made.ask(decision)).toBe('SHUTTING_DOWN');
    expect(made.states).toEqual(['shutdown']);
    expect(made.counts.asked).toBe(0);
  });

  test('turns a defect in the question into a denial', async () => {
    const made = rig();
    const { answer } = await made.breaker.run(() => {
      throw new TypeError('defect');
    });
    expect(answer).toMatchObject({ kind: 'failure', failure: { code: 'INTERNAL_ERROR' } });
  });

  test('ends a question that never does, before the circuit could be half open', async () => {
    const made = rig();
    const stuck = made.breaker.run(() => new Promise(() => undefined));
    await jest.advanceTimersByTimeAsync(RESET_MS - 1);
    expect((await stuck).answer).toMatchObject({ kind: 'failure', failure: { code: 'PDP_TIMEOUT' } });
  });
});

type Step =
  | { readonly kind: 'ask'; readonly times: number; readonly trips: boolean }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'cluster'; readonly answers: boolean };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('ask'), times: fc.integer({ min: 1, max: 15 }), trips: fc.boolean() }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('wait'), ms: fc.integer({ min: 1, max: 3000 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('cluster'), answers: fc.boolean() }) },
);

/** What the breaker is meant to be, without opossum: a window of buckets, a threshold, a streak, a timer. */
class Model {
  state: 'closed' | 'open' = 'closed';
  probes = 0;
  #time = 0;
  #openedAt = 0;
  #streak = { length: 0, since: 0 };
  #buckets = Array.from({ length: BUCKETS }, () => ({ fires: 0, failures: 0 }));

  ask(trips: boolean): boolean {
    if (this.state === 'open') return false;
    this.#count(trips);
    return true;
  }

  wait(ms: number, answers: boolean): void {
    for (const end = this.#time + ms; this.#time < end; ) {
      this.#time += 1;
      if (this.#time % (WINDOW_MS / BUCKETS) === 0) {
        this.#buckets.pop();
        this.#buckets.unshift({ fires: 0, failures: 0 });
      }
      if (this.state === 'open' && this.#time - this.#openedAt === RESET_MS) {
        this.probes += 1;
        if (answers) {
          this.state = 'closed';
          this.#streak.length = 0;
        }
        if (!answers) this.#openedAt = this.#time;
        this.#add(!answers);
      }
    }
  }

  #count(trips: boolean): void {
    this.#add(trips);
    const fires = this.#buckets.reduce((sum, bucket) => sum + bucket.fires, 0);
    const failures = this.#buckets.reduce((sum, bucket) => sum + bucket.failures, 0);
    if (!trips) this.#streak.length = 0;
    else if (this.#streak.length === 0) this.#streak = { length: 1, since: this.#time };
    else this.#streak.length += 1;
    const hopeless = this.#streak.length >= VOLUME && this.#time - this.#streak.since >= 2 * config.deadlineMs;
    if (trips && ((fires >= VOLUME && failures * 2 > fires) || hopeless)) {
      this.state = 'open';
      this.#openedAt = this.#time;
    }
  }

  #add(failure: boolean): void {
    const [bucket] = this.#buckets;
    if (bucket === undefined) return;
    bucket.fires += 1;
    bucket.failures += failure ? 1 : 0;
  }
}

test('behaves like its model over generated histories: never stuck, never asked while open', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const made = rig();
      const model = new Model();
      let asked = 0;
      for (const next of steps) {
        switch (next.kind) {
          case 'ask':
            for (let n = 0; n < next.times; n += 1) {
              const admitted = model.ask(next.trips);
              asked += admitted ? 1 : 0;
              const code = await made.ask(next.trips ? outage : decision);
              expect(code).toBe(admitted ? (next.trips ? 'PDP_TIMEOUT' : 'NO_VALID_BUNDLE') : 'PDP_BREAKER_OPEN');
            }
            break;
          case 'wait':
            model.wait(next.ms, made.answers);
            await jest.advanceTimersByTimeAsync(next.ms);
            break;
          case 'cluster':
            made.answers = next.answers;
            break;
        }
        expect(made.breaker.state).toBe(model.state);
        expect(made.counts).toEqual({ asked, probes: model.probes });
      }
      made.breaker.close();
    }),
    { numRuns: 150 },
  );
});
