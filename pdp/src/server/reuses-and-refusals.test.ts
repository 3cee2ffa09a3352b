/** What an enforcement point tells of the allows that it used again, and of the refusals that it gave itself. */

import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type RefusalReport, type ReuseReport, toWireRefusal, toWireReuse, type Wire } from '@portcullis/proto';
import { openTestServer, type TestServer } from '../fixtures/grpc-server.js';
import { AGENT } from '../fixtures/requests.js';
import type { DecisionRecord } from '../pipeline/ports.js';
import type { ReportSink } from './settle.js';

let server: TestServer;
beforeEach(async () => {
  server = await openTestServer();
});
afterEach(() => server.close());

describe('reuses', () => {
  const id = (n: number): string => `00000000-0000-4000-8000-0000000000${String(n).padStart(2, '0')}`;
  const reuse = (n: number, over: Partial<ReuseReport> = {}): Wire.Reuse =>
    toWireReuse({
      decision_id: id(n),
      reuse_of: id(99),
      request_digest: 'cd'.repeat(32),
      tenant_id: AGENT.kind === 'agent' ? AGENT.tenant : '',
      agent_id: AGENT.kind === 'agent' ? AGENT.agent : '',
      tool: { server: 'files', name: 'read' },
      bundle_digest: 'ab'.repeat(32),
      policy_version: '1',
      release_seq: 7,
      matched: [],
      at: '2026-01-01T00:00:00.000Z',
      ...over,
    });
  const report = (reuses: Wire.Reuse[]): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      server.client.Settle({ reuses }, (error, response) =>
        error === null ? resolve(response?.reuses_recorded) : reject(error),
      );
    });
  let records: DecisionRecord[];
  beforeEach(() => {
    records = [];
    server.sunk = async (record) => void records.push(record as DecisionRecord);
  });

  test('are recorded as allows of their own, once each however often they are reported', async () => {
    expect(await report([reuse(1), reuse(2)])).toBe(2);
    expect(await report([reuse(2), reuse(3), reuse(3)])).toBe(3);
    expect(records.map(({ decision_id, reuse_of, effect }) => [decision_id, reuse_of, effect])).toEqual([
      [id(1), id(99), 'allow'],
      [id(2), id(99), 'allow'],
      [id(3), id(99), 'allow'],
    ]);
    expect(records[0]).toMatchObject({ request_digest: 'cd'.repeat(32), tool: { server: 'files', name: 'read' } });
  });

  test('are recorded with what they reached, where that is more than a tool', async () => {
    const target = { host: 'site.test', port: 443, scheme: 'https' };
    expect(await report([reuse(1), reuse(2, { target })])).toBe(2);
    expect(records.map((record) => record.target)).toStrictEqual([undefined, target]);
  });

  test('that cannot be recorded fail the call, and are recorded when they come again', async () => {
    server.sunk = () => Promise.reject(new Error('full'));
    await expect(report([reuse(1)])).rejects.toBeDefined();
    server.sunk = async (record) => void records.push(record as DecisionRecord);
    expect(await report([reuse(1)])).toBe(1);
    expect(records).toHaveLength(1);
  });

  test.each<[string, Partial<ReuseReport>]>([
    ['another agent', { agent_id: 'somebody' }],
    ['another tenant', { tenant_id: 'rival' }],
    ['an id that is none', { decision_id: 'x' }],
    ['a decision that is none', { reuse_of: 'x' }],
    ['a digest that is none', { request_digest: '' }],
  ])('are not believed about %s', async (_name, over) => {
    expect(await report([reuse(1, over), reuse(2)])).toBe(1);
    expect(records.map(({ decision_id }) => decision_id)).toEqual([id(2)]);
  });

  test('are refused in larger numbers than a batch has', async () => {
    await expect(report(Array.from({ length: 257 }, (_, n) => reuse(n % 90)))).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
    });
    expect(records).toEqual([]);
  });
});

describe('refusals', () => {
  const id = (n: number): string => `00000000-0000-4000-8000-0000000000${String(n).padStart(2, '0')}`;
  const refusal = (n: number, over: Partial<RefusalReport> = {}): Wire.Refusal =>
    toWireRefusal({
      refusal_id: id(n),
      source: 'mcp_proxy',
      code: 'REQUEST_INVALID',
      reason: 'JSONRPC -32700',
      status: 400,
      tool: { server: 'files' },
      count: 2,
      at: '2026-01-01T00:00:00.000Z',
      last_at: '2026-01-01T00:00:00.500Z',
      ...over,
    });
  const report = (refusals: Wire.Refusal[]): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      server.client.Settle({ refusals }, (error, response) =>
        error === null ? resolve(response?.refusals_recorded) : reject(error),
      );
    });
  let records: Parameters<ReportSink['append']>[0][];
  beforeEach(() => {
    records = [];
    server.sunk = async (record) => void records.push(record);
  });

  test('are recorded as those of the agent of the certificate, once each however often they are reported', async () => {
    expect(await report([refusal(1), refusal(2), refusal(1)])).toBe(3);
    expect(await report([refusal(2)])).toBe(1);
    const theirs = { kind: 'refusal', tenant: 'acme', agent: 'analyst', code: 'REQUEST_INVALID', count: 2 };
    expect(records).toMatchObject([
      { ...theirs, refusal_id: id(1), tool: { server: 'files' }, at: '2026-01-01T00:00:00.000Z' },
      { ...theirs, refusal_id: id(2) },
    ]);
  });

  test('are recorded with what they would have reached, where that was read', async () => {
    const target = { model: 'm', provider: 'p' };
    expect(await report([refusal(1), refusal(2, { target })])).toBe(2);
    expect(records.map((record) => ('target' in record ? record.target : undefined))).toStrictEqual([
      undefined,
      target,
    ]);
  });

  test('are recorded with the decision that had allowed them, where there is one', async () => {
    const none = refusal(2, { decision_id: 'none of ours' });
    expect(await report([refusal(1, { decision_id: id(7) }), none])).toBe(1);
    expect(records).toMatchObject([{ refusal_id: id(1), decision_id: id(7) }]);
  });

  test('that cannot be recorded fail the call, and are recorded when they come again', async () => {
    server.sunk = () => Promise.reject(new Error('full'));
    await expect(report([refusal(3)])).rejects.toBeDefined();
    server.sunk = async (record) => void records.push(record);
    expect(await report([refusal(3)])).toBe(1);
    expect(records).toHaveLength(1);
  });

  test('that are none are not recorded, and the others are', async () => {
    expect(await report([refusal(4, { refusal_id: 'x' }), refusal(5, { count: 0 }), refusal(6)])).toBe(1);
    expect(records).toMatchObject([{ refusal_id: id(6) }]);
  });

  test('are refused in larger numbers than a batch has', async () => {
    const many = Array.from({ length: 257 }, (_, n) => refusal(n % 90));
    await expect(report(many)).rejects.toMatchObject({ code: status.INVALID_ARGUMENT });
    expect(records).toEqual([]);
  });
});
