import { afterEach, describe, expect, jest, test } from '@jest/globals';
import type { DenyCode } from '@portcullis/policy/model';
import { askRequest, createBench, type Stand, until } from './ask-bench.js';
import { type FakeQuestion, startFakePdp, startRelay } from './fake-pdp.js';
import type { Answer } from './port.js';

jest.setTimeout(30_000);
const bench = createBench();
afterEach(() => bench.close());

/** Generous, so that a busy test machine does not decide; the rules under test do not depend on the numbers. */
const CALM = { deadlineMs: 3000, hedgeAfterMs: 100, breaker: { volumeThreshold: 100_000, resetTimeoutMs: 4000 } };

function codeOf(answer: Answer): string {
  return answer.kind === 'failure' ? answer.failure.code : answer.decision.effect;
}

/** Asks `count` questions, `width` at a time, and returns what each came to. */
async function askMany({ client }: Pick<Stand, 'client'>, count: number, width: number): Promise<readonly string[]> {
  const codes: string[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) {
      next += 1;
      codes.push(codeOf(await client.ask(askRequest(`r${next}`))));
    }
  };
  await Promise.all(Array.from({ length: width }, lane));
  return codes;
}

function tally(codes: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const code of codes) counts[code] = (counts[code] ?? 0) + 1;
  return counts;
}

/** A denial that is about the PDP itself. */
function troubled(code: DenyCode): (question: FakeQuestion) => void {
  return ({ decide }) => decide({ allow: false, effect: 'deny', deny: [{ code, message: 'so it is', path: '' }] });
}

function after(ms: number, act: () => void): void {
  setTimeout(act, ms);
}

describe('with one of three PDPs failing, no call fails', () => {
  const misbehaviours: readonly (readonly [name: string, onQuestion: (question: FakeQuestion) => void])[] = [
    ['is silent', () => undefined],
    ['is slow', (question) => after(400, question.decide)],
    ['sends garbage', ({ raw }) => raw(Buffer.from('ffff', 'hex'))],
    ['sends empty messages', ({ raw }) => raw(Buffer.alloc(0))],
    ['decides about other requests', ({ decide }) => decide({ request_digest: '11'.repeat(32) })],
    ['has no bundle', ({ fault }) => fault('NO_VALID_BUNDLE')],
    ['cannot write its audit', ({ fault }) => fault('AUDIT_UNAVAILABLE')],
    ['has a defect', ({ fault }) => fault('INTERNAL_ERROR')],
    // The same as denials, which is how a PDP puts it when it got as far as deciding.
    ['decides that it was too slow', troubled('PDP_TIMEOUT')],
    ['decides that it has no bundle', troubled('NO_VALID_BUNDLE')],
    ['decides that it cannot write its audit', troubled('AUDIT_UNAVAILABLE')],
    ['decides that it has a defect', troubled('INTERNAL_ERROR')],
    ['breaks its streams', ({ drop }) => drop()],
  ];
  test.each(misbehaviours)(
    'one %s',
    async (_name, onQuestion) => {
      const stand = await bench.ready(3, CALM);
      const [bad] = stand.pdps;
      if (bad !== undefined) bad.onQuestion = onQuestion;
      expect(tally(await askMany(stand, 600, 12))).toEqual({ allow: 600 });
      // It was asked, so it was not by luck.
      expect(bad?.questions).toBeGreaterThan(0);
    },
    20_000,
  );

  test.each(['PDP_TIMEOUT', 'NO_VALID_BUNDLE', 'AUDIT_UNAVAILABLE', 'INTERNAL_ERROR'] as const)(
    'and when all decide %s, that is the decision',
    async (code) => {
      const stand = await bench.ready(3, CALM);
      for (const pdp of stand.pdps) pdp.onQuestion = troubled(code);
      expect(await stand.client.ask(askRequest('r1'))).toMatchObject({
        kind: 'decision',
        decision: { allow: false, deny: [{ code }] },
      });
    },
  );

  test('a denial by policy is never taken to another PDP', async () => {
    const stand = await bench.ready(3, { ...CALM, hedgeAfterMs: 900 });
    const [no] = stand.pdps;
    for (const pdp of stand.pdps) pdp.onQuestion = troubled('POLICY_DENIED');
    if (no !== undefined) no.onQuestion = troubled('POLICY_ERROR');
    expect(tally(await askMany(stand, 60, 4))).toEqual({ deny: 60 });
    expect(stand.pdps.reduce((sum, { questions }) => sum + questions, 0)).toBe(60);
  });

  test('one answers Pings and no questions, even with no budget for hedges', async () => {
    const stand = await bench.ready(3, { ...CALM, hedgeBurst: 0, hedgeRatio: 0 });
    const [bad] = stand.pdps;
    if (bad !== undefined) bad.onQuestion = () => undefined;
    expect(tally(await askMany(stand, 1000, 12))).toEqual({ allow: 1000 });
    expect(bad?.questions).toBeGreaterThan(0);
  }, 20_000);

  test('one is stopped: found out once, then probed and not asked, then asked again', async () => {
    const stand = await bench.ready(3, CALM);
    const [bad] = stand.pdps;
    if (bad === undefined) throw new Error('no PDP');
    let resume: (() => void)[] = [];
    bad.onQuestion = (question) => {
      resume.push(question.decide);
    };
    bad.pongs = false;
    expect(tally(await askMany(stand, 300, 12))).toEqual({ allow: 300 });
    await until(() => stand.seen.endpoints.some(([name, state]) => name === bad.address && state === 'suspect'));
    const asked = bad.questions;
    expect(tally(await askMany(stand, 300, 12))).toEqual({ allow: 300 });
    expect(bad.questions).toBe(asked);
    expect(bad.pings).toBeGreaterThan(1);
    // It wakes up and answers what it was asked.
    bad.onQuestion = (question) => {
      question.decide();
    };
    for (const decide of resume) decide();
    resume = [];
    await until(() => stand.seen.endpoints.findLast(([name]) => name === bad.address)?.[1] === 'up');
    await until(() => {
      void stand.client.ask(askRequest('again'));
      return bad.questions > asked;
    }, 10_000);
  }, 20_000);

  test('one loses its connections again and again', async () => {
    const stand = await bench.ready(3, CALM);
    let rounds = 0;
    const storm = setInterval(() => {
      stand.pdps[0]?.dropStreams();
      rounds += 1;
    }, 20);
    bench.defer(() => {
      clearInterval(storm);
    });
    for (const pdp of stand.pdps) pdp.onQuestion = (question) => after(5, question.decide);
    expect(tally(await askMany(stand, 400, 6))).toEqual({ allow: 400 });
    expect(rounds).toBeGreaterThan(3);
  });
});

describe('load', () => {
  test('is shared by equals', async () => {
    const stand = await bench.ready(3, CALM);
    await askMany(stand, 3000, 30);
    for (const { questions } of stand.pdps) expect(questions).toBeGreaterThan(300);
  });

  test('of a cluster that is slow as a whole is not doubled', async () => {
    const stand = await bench.ready(3, { ...CALM, hedgeBurst: 10, hedgeRatio: 0.1 });
    for (const pdp of stand.pdps) pdp.onQuestion = (question) => after(250, question.decide);
    expect(tally(await askMany(stand, 300, 60))).toEqual({ allow: 300 });
    const sent = stand.pdps.reduce((sum, { questions }) => sum + questions, 0);
    expect(stand.seen.hedges).toBeLessThanOrEqual(10 + 30 + 1);
    expect(sent).toBe(300 + stand.seen.hedges);
  });
});

describe('connections', () => {
  test('that the server rotates by age cost no call', async () => {
    const pdps = await Promise.all(
      [1, 2].map(() =>
        startFakePdp({ channel: { 'grpc.max_connection_age_ms': 300, 'grpc.max_connection_age_grace_ms': 2000 } }),
      ),
    );
    for (const pdp of pdps) {
      bench.defer(() => {
        pdp.stop();
      });
      // Longer than a stream lives, so there are always questions in flight when a connection goes away.
      pdp.onQuestion = (question) => after(10, question.decide);
    }
    const stand = bench.client([pdps[0]?.address ?? ''], CALM);
    await until(() => stand.client.ready);
    const codes: string[] = [];
    const end = performance.now() + 2000;
    while (performance.now() < end) codes.push(...(await askMany(stand, 20, 4)));
    expect(tally(codes)).toEqual({ allow: codes.length });
    expect(pdps[0]?.streams).toBeGreaterThan(3);
    // The replacement came up before the old stream went: the only PDP never was out of reach.
    expect(stand.seen.endpoints.filter(([, state]) => state === 'connecting')).toEqual([]);
  });

  test('are replaced when the credentials are, and that costs no call', async () => {
    const [pdp] = await bench.pdps(1);
    if (pdp === undefined) throw new Error('no PDP');
    pdp.onQuestion = (question) => after(10, question.decide);
    const relay = await startRelay(pdp.port);
    bench.defer(() => {
      relay.stop();
    });
    let renew: () => void = () => undefined;
    const stand = bench.client([relay.address], CALM, (renewal) => {
      renew = renewal;
      return () => undefined;
    });
    await until(() => stand.client.ready);
    const codes: string[] = [];
    for (let round = 0; round < 10; round += 1) {
      const asked = askMany(stand, 20, 10);
      renew();
      codes.push(...(await asked));
    }
    expect(tally(codes)).toEqual({ allow: 200 });
    expect(relay.accepted).toBeGreaterThanOrEqual(10);
    // Never without a stream. A busy machine may make it wait for an answer, which is another matter.
    const states = stand.seen.endpoints.map(([, state]) => state);
    expect(states.filter((state) => state === 'connecting' || state === 'closed')).toEqual([]);
    // The connections that were left are closed, not kept.
    await until(() => relay.open === 1);
  });

  test('are taken up again when a PDP comes back', async () => {
    const [first] = await bench.pdps(1);
    if (first === undefined) throw new Error('no PDP');
    const stand = bench.client([first.address], CALM);
    await until(() => stand.client.ready);
    first.stop();
    await until(() => stand.seen.endpoints.at(-1)?.[1] === 'connecting');
    const second = await startFakePdp({ port: first.port });
    bench.defer(() => {
      second.stop();
    });
    await until(() => stand.seen.endpoints.at(-1)?.[1] === 'up');
    expect(codeOf(await stand.client.ask(askRequest('r')))).toBe('allow');
  });

  test('that were swallowed come back within 10 s of the fault, whether they were open or being opened', async () => {
    const [pdp] = await bench.pdps(1);
    if (pdp === undefined) throw new Error('no PDP');
    const relay = await startRelay(pdp.port);
    bench.defer(() => {
      relay.stop();
    });
    const stand = bench.client([relay.address], {
      ...{ keepaliveMs: 200, keepaliveTimeoutMs: 100, connectTimeoutMs: 300 },
      ...{ reconnectMinMs: 20, reconnectMaxMs: 100 },
    });
    await until(() => stand.client.ready);
    relay.mode = 'swallow';
    await until(() => stand.seen.endpoints.at(-1)?.[1] === 'connecting');
    expect(codeOf(await stand.client.ask(askRequest('r')))).toBe('PDP_UNAVAILABLE');
    // Long enough that handshakes were begun that will never be answered.
    await until(() => relay.accepted >= 4, 10_000);
    relay.mode = 'pass';
    await until(() => stand.seen.endpoints.at(-1)?.[1] === 'up', 10_000);
    expect(codeOf(await stand.client.ask(askRequest('r')))).toBe('allow');
  }, 30_000);
});

describe('a stream that takes no more', () => {
  test('is not fed: what expires while it is blocked is never sent', async () => {
    const [pdp] = await bench.pdps(1);
    if (pdp === undefined) throw new Error('no PDP');
    const relay = await startRelay(pdp.port);
    bench.defer(() => {
      relay.stop();
    });
    const stand = bench.client([relay.address], {
      ...{ deadlineMs: 200, keepaliveMs: 60_000, connectTimeoutMs: 60_000 },
      breaker: { volumeThreshold: 100_000 },
    });
    await until(() => stand.client.ready);
    relay.stall(true);
    const large = { name: 't', arguments: { text: 'x'.repeat(200_000) } };
    const asked = Array.from({ length: 200 }, async (_, n) =>
      stand.client.ask({ ...askRequest(`r${n}`), tool: large }),
    );
    expect(tally((await Promise.all(asked)).map(codeOf))).toEqual({ PDP_TIMEOUT: 200 });
    relay.stall(false);
    await until(() => stand.seen.endpoints.at(-1)?.[1] === 'up');
    expect(codeOf(await stand.client.ask(askRequest('after')))).toBe('allow');
    // What the stream itself had taken went out late; the rest was worth nobody's time.
    expect(pdp.questions).toBeLessThan(60);
  });
});

describe('the breaker', () => {
  test('outlasts an overload: one PDP is gone and the others decide too late for a while', async () => {
    // As long as a busy machine may take; what expires is never answered in time, however busy it is.
    const deadlineMs = 1000;
    const stand = await bench.ready(3, { deadlineMs, breaker: { volumeThreshold: 20, resetTimeoutMs: 5000 } });
    const [gone, ...others] = stand.pdps;
    expect(tally(await askMany(stand, 600, 30))).toEqual({ allow: 600 });
    // Every question expires, and every answer comes afterwards.
    for (const pdp of others) pdp.onQuestion = ({ decide }) => after(deadlineMs + 200, decide);
    gone?.stop();
    expect(tally(await askMany(stand, 120, 60))).toEqual({ PDP_TIMEOUT: 120 });
    for (const pdp of others) pdp.onQuestion = ({ decide }) => decide();
    await askMany(stand, 60, 30);
    expect(tally(await askMany(stand, 300, 30))).toEqual({ allow: 300 });
    expect(stand.seen.breaker).toEqual([]);
  });

  test('does not count what expires while a PDP decides other questions in time', async () => {
    const stand = await bench.ready(1, {
      deadlineMs: 250,
      breaker: { volumeThreshold: 20, errorThresholdPercentage: 10 },
    });
    const [pdp] = stand.pdps;
    // Two of three are lost, which is far above the threshold.
    let turn = 0;
    if (pdp !== undefined) {
      pdp.onQuestion = ({ decide }) => {
        turn += 1;
        if (turn % 3 === 0) decide();
      };
    }
    const codes = tally(await askMany(stand, 300, 30));
    expect(codes).not.toHaveProperty('PDP_BREAKER_OPEN');
    expect(codes['allow']).toBeGreaterThan(50);
    expect(stand.seen.breaker).toEqual([]);
  });

  test('opens when all PDPs are stopped, denies at once without asking, and closes when one is back', async () => {
    const stand = await bench.ready(3);
    for (const pdp of stand.pdps) {
      pdp.onQuestion = () => undefined;
      pdp.pongs = false;
    }
    const codes = await askMany(stand, 60, 30);
    expect(codes.every((code) => code !== 'allow')).toBe(true);
    await until(() => stand.seen.breaker[0] === 'open');
    const asked = stand.pdps.map(({ questions }) => questions);
    const times: number[] = [];
    for (let n = 0; n < 101; n += 1) {
      const askedAt = performance.now();
      expect(codeOf(await stand.client.ask(askRequest(`o${n}`)))).toBe('PDP_BREAKER_OPEN');
      times.push(performance.now() - askedAt);
    }
    expect(times.sort((a, b) => a - b)[50]).toBeLessThanOrEqual(1);
    expect(stand.pdps.map(({ questions }) => questions)).toEqual(asked);
    const [back] = stand.pdps;
    if (back === undefined) throw new Error('no PDP');
    back.pongs = true;
    back.onQuestion = (question) => {
      question.decide();
    };
    // What a stopped process does when it continues: it answers the Ping that waited for it.
    back.dropStreams();
    await until(() => stand.seen.breaker.at(-1) === 'closed', 10_000);
    expect(codeOf(await stand.client.ask(askRequest('after')))).toBe('allow');
    // Nobody's question was the probe.
    expect(back.questions).toBe((asked[0] ?? 0) + 1);
  }, 20_000);
});

describe('settlements', () => {
  const settlement = (n: number) =>
    ({ decision_id: `d${n}`, request_digest: 'ab'.repeat(32), outcome: 'forwarded', duration_ms: n }) as const;

  test('arrive in batches', async () => {
    const { pdps, client } = await bench.ready(1);
    for (let n = 0; n < 600; n += 1) client.settle(settlement(n));
    await until(() => pdps[0]?.settled.length === 600);
    expect(pdps[0]?.settled.map(({ duration_ms: ms }) => ms)).toEqual(Array.from({ length: 600 }, (_, n) => n));
  });

  test('are dropped and counted when nobody takes them', async () => {
    const { pdps, client, seen } = await bench.ready(1, { settle: { flushMs: 5, maxQueue: 300 } });
    for (const pdp of pdps) pdp.takesSettlements = false;
    for (let n = 0; n < 400; n += 1) client.settle(settlement(n));
    await until(() => seen.dropped >= 400);
    expect(seen.dropped).toBe(400);
  });
});
