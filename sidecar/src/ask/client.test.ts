import { afterEach, describe, expect, jest, test } from '@jest/globals';
import type { CanonicalRequest, DenyCode } from '@portcullis/policy/model';
import { askRequest, createBench, lateness, until } from './ask-bench.js';
import type { FakePdp, FakeQuestion } from './fake-pdp.js';
import type { Answer } from './port.js';

jest.setTimeout(30_000);
const bench = createBench();
afterEach(() => bench.close());

/** For tests in which nothing is to be late, on a machine that others use too. */
const CALM = { deadlineMs: 1000, hedgeAfterMs: 500, breaker: { volumeThreshold: 1, resetTimeoutMs: 2000 } };
/** Keeps the breaker out of tests about single answers. */
const PATIENT = { breaker: { volumeThreshold: 100_000 } };
const DEADLINE_MS = 50;

function codeOf(answer: Answer): string {
  return answer.kind === 'failure' ? answer.failure.code : answer.decision.effect;
}

function behave(pdps: readonly FakePdp[], onQuestion: (question: FakeQuestion) => void): void {
  for (const pdp of pdps) pdp.onQuestion = onQuestion;
}

describe('an answer', () => {
  test('is the decision of the PDP', async () => {
    const { pdps, client, seen } = await bench.ready(1, CALM);
    behave(pdps, (question) => {
      question.decide({ decision_id: `d-${question.requestId}` });
    });
    const answer = await client.ask(askRequest('r1'));
    expect(answer).toMatchObject({ kind: 'decision', decision: { allow: true, decision_id: 'd-r1' } });
    expect(seen.asked).toEqual(['allow']);
  });

  test.each(['deny', 'hold'] as const)('that is a %s is a decision, and no failure to the breaker', async (effect) => {
    const { pdps, client, seen } = await bench.ready(1, CALM);
    const deny = [{ code: 'POLICY_DENIED', message: 'no', path: 'tenant/p' }] as const;
    behave(pdps, (question) => {
      question.decide({ effect, allow: false, deny });
    });
    for (let n = 0; n < 30; n += 1) expect(codeOf(await client.ask(askRequest(`r${n}`)))).toBe(effect);
    expect(seen.breaker).toEqual([]);
  });

  test('finds its question in whatever order it comes, and once', async () => {
    const { pdps, client } = await bench.ready(1, CALM);
    const held: FakeQuestion[] = [];
    behave(pdps, (question) => {
      held.push(question);
      if (held.length < 20) return;
      for (const late of held.reverse()) {
        late.decide({ decision_id: late.requestId });
        late.decide({ decision_id: 'a duplicate' });
      }
    });
    const ids = Array.from({ length: 20 }, (_, n) => `r${n}`);
    const answers = await Promise.all(ids.map(async (id) => client.ask(askRequest(id))));
    expect(answers.map((answer) => answer.kind === 'decision' && answer.decision.decision_id)).toEqual(ids);
  });
});

describe('whether what was allowed is stopped by now', () => {
  const stops = async (answered: (question: FakeQuestion) => void): Promise<string> => {
    const { pdps, client } = await bench.ready(1, CALM);
    const kinds: boolean[] = [];
    behave(pdps, (question) => {
      kinds.push(question.onlyKills);
      answered(question);
    });
    await client.ask(askRequest('r1'));
    const stop = await client.stops(askRequest('r1'));
    expect(kinds).toEqual([false, true]);
    if (stop === undefined) return 'goes on';
    return stop.kind === 'failure' ? stop.failure.code : `${stop.decision.effect} ${stop.decision.deny[0]?.code}`;
  };
  const denying =
    (code: DenyCode, more = {}) =>
    (question: FakeQuestion): void =>
      question.decide({ effect: 'deny', allow: false, deny: [{ code, message: '', path: '', ...more }] });

  test.each([
    ['goes on', 'that no kill does', denying('NO_MATCHING_POLICY', { reason_code: 'NOT_STOPPED' })],
    ['deny KILL_SWITCH', 'that a kill does', denying('KILL_SWITCH')],
    ['deny PDP_TIMEOUT', 'that it could not look', denying('PDP_TIMEOUT')],
    ['deny NO_MATCHING_POLICY', 'something else', denying('NO_MATCHING_POLICY')],
    ['allow undefined', 'that it is allowed', (question: FakeQuestion) => question.decide()],
    ['IDENTITY_REJECTED', 'who it does not talk to', (question: FakeQuestion) => question.fault('IDENTITY_REJECTED')],
  ])('%s when a PDP says %s', async (ends, _what, answered) => {
    expect(await stops(answered)).toBe(ends);
  });
});

describe('questions of one turn', () => {
  const ask = (
    client: { ask(request: CanonicalRequest): Answer | Promise<Answer> },
    count: number,
  ): Promise<Answer[]> => Promise.all(Array.from({ length: count }, async (_, n) => client.ask(askRequest(`r${n}`))));

  test.each([
    [1, [1]],
    [20, [20]],
    [256, [256]],
    [257, [256, 1]],
  ])('%i of them travel in messages of %j', async (count, messages) => {
    const { pdps, client } = await bench.ready(1, CALM);
    const before = pdps[0]?.messages.length;
    const answers = await ask(client, count);
    expect(answers.map(codeOf)).toEqual(answers.map(() => 'allow'));
    // Pings travel alone, and there may be one at any time.
    expect(pdps[0]?.messages.slice(before).filter((size) => size > 1 || count === 1)).toEqual(
      messages.filter((size) => size > 1 || count === 1),
    );
    expect(pdps[0]?.questions).toBe(count);
  });

  test('also travel together when they are asked after others were answered', async () => {
    const { pdps, client } = await bench.ready(1, CALM);
    await Promise.all(
      Array.from({ length: 10 }, async (_, n) => {
        await client.ask(askRequest(`first${n}`));
        await client.ask(askRequest(`second${n}`));
      }),
    );
    expect(pdps[0]?.questions).toBe(20);
    expect(pdps[0]?.messages).toContain(10);
  });

  test('make no message that is larger than one question may be', async () => {
    const { pdps, client } = await bench.ready(1, { ...CALM, maxQuestionBytes: 1024 });
    const answers = await ask(client, 20);
    expect(answers.map(codeOf)).toEqual(answers.map(() => 'allow'));
    expect(Math.max(...(pdps[0]?.messages ?? []))).toBeLessThan(20);
  });

  test('get their own answers: one that is poisoned or missing costs no other', async () => {
    const { pdps, client } = await bench.ready(1, CALM);
    behave(pdps, (question) => {
      if (question.requestId === 'r3') question.decide({ decision_id: '' });
      else if (question.requestId === 'r5') question.fault('NO_VALID_BUNDLE');
      else if (question.requestId === 'r7') return;
      else if (question.requestId === 'r9') question.decide({ request_digest: 'ab'.repeat(32) });
      else question.decide();
    });
    const expected = Array.from({ length: 12 }, () => 'allow');
    expected[3] = 'PDP_REPLY_INVALID';
    expected[5] = 'NO_VALID_BUNDLE';
    expected[7] = 'PDP_TIMEOUT';
    expected[9] = 'PDP_REPLY_INVALID';
    expect((await ask(client, 12)).map(codeOf)).toEqual(expected);
  });

  test('go with a hostile one that never leaves the process', async () => {
    const { pdps, client } = await bench.ready(1, CALM);
    const hostile = { ...askRequest('r'), tool: { name: 't', arguments: { n: Number.NaN } } };
    const answers = await Promise.all(
      [askRequest('a'), hostile, askRequest('b')].map(async (asked) => client.ask(asked)),
    );
    expect(answers.map(codeOf)).toEqual(['allow', 'REQUEST_INVALID', 'allow']);
    expect(pdps[0]?.messages).toContain(2);
  });
});

interface Misbehaviour {
  readonly name: string;
  readonly code: string;
  readonly onQuestion: (question: FakeQuestion) => void;
}

const FAULT_CODES = [
  'REQUEST_INVALID',
  'IDENTITY_REJECTED',
  'NO_VALID_BUNDLE',
  'AUDIT_UNAVAILABLE',
  'SHUTTING_DOWN',
  'INTERNAL_ERROR',
] as const satisfies readonly DenyCode[];

const MISBEHAVIOURS: readonly Misbehaviour[] = [
  { name: 'answers nothing', code: 'PDP_TIMEOUT', onQuestion: () => undefined },
  {
    name: 'answers too late',
    code: 'PDP_TIMEOUT',
    onQuestion: (question) => {
      setTimeout(() => {
        question.decide();
      }, 2 * DEADLINE_MS);
    },
  },
  { name: 'sends garbage', code: 'PDP_REPLY_INVALID', onQuestion: ({ raw }) => raw(Buffer.from('ffffffffff', 'hex')) },
  { name: 'sends an empty message', code: 'PDP_REPLY_INVALID', onQuestion: ({ raw }) => raw(Buffer.alloc(0)) },
  { name: 'sends an id and no answer', code: 'PDP_REPLY_INVALID', onQuestion: ({ id, reply }) => reply({ id }) },
  {
    name: 'sends an empty decision',
    code: 'PDP_REPLY_INVALID',
    onQuestion: ({ id, reply }) => reply({ id, decision: {} }),
  },
  { name: 'sends an empty fault', code: 'PDP_REPLY_INVALID', onQuestion: ({ id, reply }) => reply({ id, fault: {} }) },
  {
    name: 'decides about another request',
    code: 'PDP_REPLY_INVALID',
    onQuestion: ({ decide }) => {
      decide({ request_digest: '00'.repeat(32) });
    },
  },
  {
    name: 'echoes a short digest',
    code: 'PDP_REPLY_INVALID',
    onQuestion: ({ decide, digest }) => {
      decide({ request_digest: digest.slice(0, 16) });
    },
  },
  {
    name: 'decides under the id of another question',
    code: 'PDP_TIMEOUT',
    onQuestion: ({ id, reply }) => reply({ id: id + 1000, decision: {} }),
  },
  { name: 'sends a pong for an answer', code: 'PDP_TIMEOUT', onQuestion: ({ id, reply }) => reply({ id, pong: {} }) },
  { name: 'breaks the stream', code: 'PDP_UNAVAILABLE', onQuestion: ({ drop }) => drop() },
  { name: 'ends the stream', code: 'PDP_UNAVAILABLE', onQuestion: ({ end }) => end() },
  {
    name: 'gives a reason for a denial as a fault',
    code: 'INTERNAL_ERROR',
    onQuestion: ({ fault }) => fault('POLICY_DENIED'),
  },
  ...FAULT_CODES.map((code) => ({
    name: `reports ${code}`,
    code,
    onQuestion: ({ fault }: FakeQuestion) => {
      fault(code);
    },
  })),
];

describe('every failure is an answer, within the deadline and 10 ms', () => {
  test.each(MISBEHAVIOURS)('a PDP that $name: $code', async ({ code, onQuestion }) => {
    // Only what is about time is tested against the clock of a machine that others use too.
    const { pdps, client } = await bench.ready(1, code === 'PDP_TIMEOUT' ? PATIENT : CALM);
    behave(pdps, onQuestion);
    expect(codeOf(await client.ask(askRequest('r1')))).toBe(code);
  });

  test.each(MISBEHAVIOURS)('a PDP that $name: in time', async ({ onQuestion }) => {
    const { pdps, client } = await bench.ready(1, PATIENT);
    behave(pdps, onQuestion);
    const late = await lateness(DEADLINE_MS, 9, async (round) => {
      expect((await client.ask(askRequest(`r${round}`))).kind).toBe('failure');
    });
    expect(late).toBeLessThanOrEqual(10);
  });

  test('nobody listens: PDP_UNAVAILABLE', async () => {
    const [gone] = await bench.pdps(1);
    gone?.stop();
    const { client } = bench.client([gone?.address ?? ''], PATIENT);
    const late = await lateness(DEADLINE_MS, 9, async (round) => {
      expect(codeOf(await client.ask(askRequest(`r${round}`)))).toBe('PDP_UNAVAILABLE');
    });
    expect(late).toBeLessThanOrEqual(10);
    expect(client.ready).toBe(false);
  });

  const cyclic: Record<string, unknown> = {};
  cyclic['self'] = cyclic;
  test.each([
    ['a number that is not finite', { n: Number.NaN }],
    ['a lone surrogate', { text: '\ud800' }],
    ['a cycle', cyclic],
    ['a bigint', { n: 1n }],
    ['more than a PDP accepts', { text: 'x'.repeat(300_000) }],
  ])('a request with %s is refused unasked, and no failure to the breaker', async (_name, args) => {
    const { pdps, client, seen } = await bench.ready(1, CALM);
    const hostile = { ...askRequest('r1'), tool: { name: 't', arguments: args } } as unknown as CanonicalRequest;
    for (let n = 0; n < 5; n += 1) expect(codeOf(await client.ask(hostile))).toBe('REQUEST_INVALID');
    expect(pdps[0]?.questions).toBe(0);
    expect(seen.breaker).toEqual([]);
    expect(codeOf(await client.ask(askRequest('r2')))).toBe('allow');
  });

  test('one question too many is refused unasked', async () => {
    const { pdps, client } = await bench.ready(1, { ...PATIENT, deadlineMs: 500, maxInFlight: 3 });
    behave(pdps, () => undefined);
    const answers = await Promise.all(Array.from({ length: 5 }, async (_, n) => client.ask(askRequest(`r${n}`))));
    expect(answers.map(codeOf)).toEqual([
      ...['PDP_TIMEOUT', 'PDP_TIMEOUT', 'PDP_TIMEOUT'],
      ...['PDP_UNAVAILABLE', 'PDP_UNAVAILABLE'],
    ]);
    expect(pdps[0]?.questions).toBe(3);
  });
});

describe('readiness', () => {
  test('begins with the first release that a PDP reports', async () => {
    const [pdp] = await bench.pdps(1);
    pdp?.publish(0);
    const { client, seen } = bench.client([pdp?.address ?? '']);
    await until(() => seen.epochs.includes(0));
    expect(client.ready).toBe(false);
    pdp?.publish(7);
    await until(() => client.ready);
    expect(seen.epochs).toEqual([0, 7]);
  });
});

describe('closing', () => {
  test('answers what is in flight and everything later with SHUTTING_DOWN', async () => {
    const { pdps, client, seen } = await bench.ready(1, CALM);
    behave(pdps, () => undefined);
    const asked = [1, 2, 3].map(async (n) => client.ask(askRequest(`r${n}`)));
    await until(() => pdps[0]?.questions === 3);
    await client.close();
    expect((await Promise.all(asked)).map(codeOf)).toEqual(['SHUTTING_DOWN', 'SHUTTING_DOWN', 'SHUTTING_DOWN']);
    expect(codeOf(await client.ask(askRequest('late')))).toBe('SHUTTING_DOWN');
    expect(seen.endpoints.at(-1)).toEqual([pdps[0]?.address, 'closed']);
    await client.close();
  });

  test('sends the settlements that are left', async () => {
    const { pdps, client } = await bench.ready(1, { settle: { flushMs: 60_000 } });
    const settlement = {
      decision_id: 'd1',
      request_digest: 'ab'.repeat(32),
      outcome: 'forwarded',
      duration_ms: 3,
    } as const;
    client.settle(settlement);
    await client.close();
    expect(pdps[0]?.settled).toEqual([settlement]);
  });
});

describe('a result that is reported', () => {
  const REPORT = {
    decision_id: '00000000-0000-4000-8000-000000000001',
    request_digest: 'ab'.repeat(32),
    outcome: 'forwarded',
    duration_ms: 3,
    result: { value: { content: ['é'] }, truncated: false, session_id: 's-1' },
  } as const;

  test('is taken by some PDP, by another one where the first does not, as it was', async () => {
    const { pdps, client } = await bench.ready(3, CALM);
    for (const pdp of pdps.slice(1)) pdp.takesSettlements = false;
    expect(await client.report(REPORT)).toBe(true);
    expect(await client.report(REPORT)).toBe(true);
    expect(pdps[0]?.settled).toEqual([REPORT, REPORT]);
  });

  test('is not taken when no PDP takes it, or there is none', async () => {
    const { pdps, client } = await bench.ready(2, CALM);
    for (const pdp of pdps) pdp.takesSettlements = false;
    expect(await client.report(REPORT)).toBe(false);
    await client.close();
    expect(await client.report(REPORT)).toBe(false);
  });

  test('is not taken by a PDP that says it waits for none such', async () => {
    const { client } = await bench.ready(1, CALM);
    expect(await client.report({ ...REPORT, request_digest: 'ab' })).toBe(false);
  });
});
