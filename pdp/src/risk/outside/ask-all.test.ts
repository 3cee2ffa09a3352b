import { describe, expect, test } from '@jest/globals';
import { createFakeClock } from '../../fixtures/fake-clock.js';
import { AGENT, toolCall } from '../../fixtures/requests.js';
import type { OutsideAnalyser } from './analyser.js';
import { findingsOf } from './answer.js';
import { createOutsideAnalysers, type OutsideParts } from './ask-all.js';
import { createBreaker } from './breaker.js';
import { createFakeTransport } from './fake-transport.js';
import { transportContract } from './transport-contract.js';

const REQUEST = toolCall('send_email');
const SIGNAL = { signal_type: 'reputation', score: 0.5 };
const ANSWER = { kind: 'answers', value: { signals: [SIGNAL], risk_dimensions: {} } } as const;

function setUp(changes: Partial<OutsideAnalyser> = {}, parts: Partial<OutsideParts> = {}) {
  const clock = createFakeClock();
  const fake = createFakeTransport();
  const outcomes: string[] = [];
  const analyser: OutsideAnalyser = {
    name: 'dlp',
    required: false,
    weight: 0.8,
    deadlineMs: 20,
    transport: fake.transport,
    ...changes,
  };
  const outside = createOutsideAnalysers({
    analysers: [analyser],
    clock,
    observer: { riskOutside: (outcome) => outcomes.push(outcome) },
    maxInFlight: 2,
    maxSubjectBytes: 10_000,
    ...parts,
  });
  const ask = (leftMs = 1_000) =>
    outside.ask({ caller: AGENT, request: REQUEST, digest: '0', deadline: clock.monotonic() + leftMs }, REQUEST);
  return { clock, fake, outcomes, ask };
}

describe('the fake analyser keeps the contract:', () => {
  test.each(transportContract)('$name', async ({ check }) => {
    await expect(check(createFakeTransport())).resolves.toBeUndefined();
  });
});

describe('analysers outside', () => {
  test('are shown the request and its facts, and what they find counts with their weight', async () => {
    const { fake, ask, outcomes } = setUp();
    fake.behave(ANSWER);
    expect(await ask()).toEqual({
      findings: [{ signalType: 'reputation', score: 0.5, weight: 0.8, dimensions: {}, details: { source: 'dlp' } }],
      notSeen: [],
    });
    expect(JSON.parse(Buffer.from(fake.shown() ?? []).toString())).toEqual({
      version: '1',
      request: REQUEST,
      facts: {},
    });
    expect(outcomes).toEqual(['answered']);
  });

  test.each([
    ['fails', { kind: 'fails' }, 'dlp (no answer)', 'failed'],
    ['is silent', { kind: 'silent' }, 'dlp (late)', 'late'],
    [
      'says what is no answer',
      { kind: 'answers', value: { signals: [{ signal_type: 'x', score: 2 }], risk_dimensions: {} } },
      'dlp (not an answer)',
      'invalid',
    ],
  ] as const)(
    'one that %s is said, and the risk is not known if it is required',
    async (_what, behaviour, said, outcome) => {
      const { fake, ask, outcomes } = setUp();
      fake.behave(behaviour);
      expect(await ask()).toEqual({ findings: [], notSeen: [said] });
      expect(outcomes).toEqual([outcome]);
      const required = setUp({ required: true });
      required.fake.behave(behaviour);
      await expect(required.ask()).rejects.toMatchObject({ code: 'ERR_RISK_ANALYSER' });
    },
  );

  test('nobody is asked without time for an answer, or with too much to say', async () => {
    const hasty = setUp();
    expect((await hasty.ask(5)).notSeen).toEqual(['dlp (no time left)']);
    const small = setUp({}, { maxSubjectBytes: 10 });
    expect((await small.ask()).notSeen).toEqual(['dlp (too much to send)']);
    expect(hasty.fake.asked() + small.fake.asked()).toBe(0);
    await expect(setUp({ required: true }, { maxSubjectBytes: 10 }).ask()).rejects.toThrow(/too much/);
  });

  test('questions under way are bounded', async () => {
    const { fake, ask } = setUp();
    fake.behave({ kind: 'silent' });
    const all = await Promise.all([ask(), ask(), ask()]);
    expect(all.map(({ notSeen }) => notSeen[0])).toEqual(['dlp (late)', 'dlp (late)', 'dlp (busy)']);
  });

  test('one that keeps failing is left alone for a while', async () => {
    const { clock, fake, ask } = setUp();
    fake.behave({ kind: 'fails' });
    for (let count = 0; count < 5; count += 1) await ask();
    expect((await ask()).notSeen).toEqual(['dlp (failed before)']);
    expect(fake.asked()).toBe(5);
    fake.behave(ANSWER);
    clock.advance(1_001);
    expect((await ask()).findings).toHaveLength(1);
    expect((await ask()).findings).toHaveLength(1);
  });
});

describe('the breaker', () => {
  test('opens after five failures in a row, lets one through after its pause, and pauses longer each time', () => {
    const clock = createFakeClock();
    const breaker = createBreaker(clock);
    const pauses: number[] = [];
    for (let count = 0; count < 4; count += 1) breaker.failed();
    breaker.succeeded();
    for (let count = 0; count < 4; count += 1) breaker.failed();
    expect(breaker.admits()).toBe(true);
    breaker.failed();
    for (let round = 0; round < 7; round += 1) {
      let pause = 0;
      while (!breaker.admits()) {
        clock.advance(500);
        pause += 500;
      }
      pauses.push(pause);
      expect(breaker.admits()).toBe(false);
      breaker.failed();
    }
    expect(pauses).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
  });
});

describe('an answer', () => {
  const source = { name: 'dlp', weight: 0.5 };

  test('of dimensions speaks of them alone', () => {
    expect(findingsOf({ risk_dimensions: { data_exfiltration: 0.8, cost: 0.4, nothing: 0 } }, source)).toEqual([
      {
        signalType: 'dlp',
        score: 0.8,
        weight: 0,
        dimensions: { data_exfiltration: 0.5, cost: 0.25 },
        details: { source: 'dlp' },
      },
    ]);
  });

  test('of nothing finds nothing', () => {
    expect(findingsOf({ signals: [{ signal_type: 'x', score: 0 }] }, source)).toEqual([]);
    expect(findingsOf({}, source)).toEqual([]);
  });

  test.each([
    ['a decision', { decision: 'ALLOW' }],
    ['a score over 1', { signals: [{ signal_type: 'x', score: 1.1 }] }],
    ['a score below 0', { signals: [{ signal_type: 'x', score: -0.1 }] }],
    ['a score that is no number', { signals: [{ signal_type: 'x', score: '1' }] }],
    ['a signal of a strange name', { signals: [{ signal_type: 'X y', score: 1 }] }],
    ['too many signals', { signals: Array.from({ length: 33 }, () => SIGNAL) }],
    ['details without end', { signals: [{ ...SIGNAL, details: { a: 'x'.repeat(257) } }] }],
    ['details of details', { signals: [{ ...SIGNAL, details: { a: { b: 1 } } }] }],
    ['the whole as a dimension', { risk_dimensions: { overall: 0.1 } }],
    ['a list', []],
    ['nothing', null],
  ])('with %s is none', (_what, value) => {
    expect(findingsOf(value, source)).toBeUndefined();
  });
});
