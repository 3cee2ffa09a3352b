import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type SettlementReport, toWireSettlement, type Wire } from '@portcullis/proto';
import { openTestServer, type TestServer } from '../fixtures/grpc-server.js';
import { AGENT, GATEWAY } from '../fixtures/requests.js';
import { holderName } from '../quota/key.js';

let server: TestServer;
beforeEach(async () => {
  server = await openTestServer();
});
afterEach(() => server.close());

describe('Settle', () => {
  const id = (n: number): string => `00000000-0000-4000-8000-00000000000${n}`;
  const report = (n: number): Wire.Settlement =>
    toWireSettlement({ decision_id: id(n), request_digest: '00'.repeat(32), outcome: 'forwarded', duration_ms: 5 });

  function settle(settlements: Wire.Settlement[]): Promise<number | undefined> {
    return new Promise((resolve, reject) => {
      server.client.Settle({ settlements }, (error, response) =>
        error === null ? resolve(response?.accepted) : reject(error),
      );
    });
  }

  const settled = (): readonly string[] => server.observer.lines.filter((line) => line.startsWith('settled '));

  test('counts each decision once, however often it is reported', async () => {
    expect(await settle([report(1), report(2), report(1)])).toBe(3);
    expect(await settle([report(1)])).toBe(1);
    expect(settled()).toEqual(['settled forwarded', 'settled forwarded', 'settled repeated', 'settled repeated']);
  });

  test('what has searched is recorded once, and reported again until it is', async () => {
    const records: unknown[] = [];
    const noted = { ...report(1), redaction: { layers: ['recognisers', 'ner'], ner: 'failed' } };
    server.sunk = () => Promise.reject(new Error('the disk is full'));
    await expect(settle([noted])).rejects.toBeDefined();
    server.sunk = async (record) => void records.push(record);
    expect(await settle([noted, noted])).toBe(2);
    expect(records).toEqual([
      {
        kind: 'enforcement',
        decision_id: noted.decision_id,
        request_digest: expect.stringMatching(/^[0-9a-f]{64}$/),
        tenant: 'acme',
        agent: expect.any(String),
        outcome: 'forwarded',
        redaction: { layers: ['recognisers', 'ner'], ner: 'failed' },
        at: expect.any(String),
      },
    ]);
    expect(await settle([{ ...report(2), redaction: { layers: ['guesses'] } }])).toBe(0);
    expect(await settle([{ ...report(2), redaction: { layers: [], ner: 'maybe' } }])).toBe(0);
    expect(records).toHaveLength(1);
  });

  test('tells the accounts how attempts ended, of this caller and no other, and what they used', async () => {
    const forwarded = { ...report(1), usage: { tokens: 12, cost: 0.5 } };
    await settle([forwarded, report(2), { ...report(3), outcome: 'ENFORCEMENT_OUTCOME_REFUSED' }]);
    const holder = (number: number): string => holderName(AGENT, '00'.repeat(32), id(number));
    expect(server.settledUses).toEqual([
      { holder: holder(1), unused: false, actual: { tokens: 12, cost: 0.5 } },
      { holder: holder(2), unused: false, actual: {} },
      { holder: holder(3), unused: true, actual: {} },
    ]);
  });

  const bringing = (result: Partial<NonNullable<SettlementReport['result']>> = {}): Wire.Settlement =>
    toWireSettlement({
      decision_id: id(1),
      request_digest: 'ab'.repeat(32),
      outcome: 'forwarded',
      duration_ms: 5,
      result: { value: { content: ['é'] }, truncated: false, session_id: 's-1', ...result },
    });
  const own = { tenant: 'acme', agent: 'analyst', session: 's-1' };

  test("hands results over for the caller's own session, whatever it says of itself", async () => {
    expect(await settle([bringing()])).toBe(1);
    expect(await settle([bringing({ tenant_id: 'acme', agent_id: 'analyst', truncated: true, value: '[1,' })])).toBe(1);
    expect(server.reportedResults).toEqual([
      { key: own, requestDigest: 'ab'.repeat(32), result: { content: ['é'] }, truncated: false },
      { key: own, requestDigest: 'ab'.repeat(32), result: '[1,', truncated: true },
    ]);
    expect(await settle([bringing({ agent_id: 'other' })])).toBe(0);
    expect(await settle([bringing({ tenant_id: 'rival' })])).toBe(0);
    expect(server.reportedResults).toHaveLength(2);
  });

  test('takes results of a gateway for agents of its tenants alone, which it has to name', async () => {
    server.peer.identity = GATEWAY;
    expect(await settle([bringing({ tenant_id: 'acme', agent_id: 'analyst' })])).toBe(1);
    expect(server.reportedResults).toMatchObject([{ key: own }]);
    expect(await settle([bringing({ tenant_id: 'rival', agent_id: 'analyst' })])).toBe(0);
    expect(await settle([bringing({ tenant_id: 'acme' })])).toBe(0);
    expect(await settle([bringing({ agent_id: 'analyst' })])).toBe(0);
    expect(await settle([bringing()])).toBe(0);
    expect(server.reportedResults).toHaveLength(1);
  });

  test('records how an answer ended that was withheld because nobody took its result, and nothing before', async () => {
    const records: unknown[] = [];
    server.sunk = async (record) => void records.push(record);
    const redaction = { layers: ['recognisers'] };
    server.resultOutcome = 'unasked';
    expect(await settle([{ ...bringing(), redaction }])).toBe(0);
    server.resultOutcome = 'store';
    await expect(settle([{ ...bringing(), redaction }])).rejects.toMatchObject({ code: status.UNAVAILABLE });
    expect(records).toEqual([]);
    const withheld = { ...report(1), outcome: 'ENFORCEMENT_OUTCOME_UPSTREAM_FAILED' as const, redaction };
    expect(await settle([withheld])).toBe(1);
    expect(records).toMatchObject([{ decision_id: id(1), outcome: 'upstream_failed' }]);
  });

  test('records what has searched under several decisions at once', async () => {
    let waiting = 0;
    const all = Promise.withResolvers<void>();
    server.sunk = () => {
      waiting += 1;
      if (waiting === 3) all.resolve();
      return all.promise;
    };
    const redaction = { layers: ['recognisers'] };
    expect(await settle([1, 2, 2, 3].map((number) => ({ ...report(number), redaction })))).toBe(4);
    expect(waiting).toBe(3);
  });

  test('counts a repeated result as taken, one that nobody waits for as none, and fails where nobody can tell', async () => {
    server.resultOutcome = 'repeated';
    expect(await settle([bringing()])).toBe(1);
    server.resultOutcome = 'unasked';
    expect(await settle([bringing()])).toBe(0);
    for (const cause of ['store', 'warm_up', 'forgotten', 'full', 'too_large', 'contended'] as const) {
      server.resultOutcome = cause;
      await expect(settle([bringing()])).rejects.toMatchObject({ code: status.UNAVAILABLE });
    }
    expect(server.settledUses).toHaveLength(1);
  });

  test('takes a result alone, and as strict JSON', async () => {
    await expect(settle([bringing(), report(2)])).rejects.toMatchObject({ code: status.INVALID_ARGUMENT });
    for (const text of ['{"a":1,"a":2}', '', 'nope', '{"__proto__":1}', '9007199254740993']) {
      expect(await settle([{ ...bringing(), result_json: Buffer.from(text) }])).toBe(0);
    }
    expect(server.reportedResults).toEqual([]);
  });

  test('refuses what is not a report', async () => {
    expect(
      await settle([
        {},
        { ...report(1), decision_id: 'x' },
        { ...report(1), request_digest: Buffer.alloc(3) },
        { ...report(1), outcome: 0 },
        { ...report(1), usage: { tokens: -1 } },
        { ...report(1), usage: { cost: Number.NaN } },
      ]),
    ).toBe(0);
    expect(server.settledUses).toEqual([]);
    expect(server.observer.lines).toEqual(Array.from({ length: 6 }, () => 'settled invalid'));
  });

  test('forgets the oldest beyond its memory, and takes at most 256', async () => {
    await settle([report(1), report(2), report(3), report(4)]);
    server.observer.lines.length = 0;
    await settle([report(4), report(1)]);
    expect(settled()).toEqual(['settled repeated', 'settled forwarded']);
    await expect(settle(Array.from({ length: 257 }, () => report(1)))).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
    });
  });
});
