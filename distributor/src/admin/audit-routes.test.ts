import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { createChainVerifier, openCheckpoint, openNoteVerifier } from '@portcullis/policy/evidence';
import { parsePeerIdentity } from '@portcullis/proto';
import type { FastifyInstance } from 'fastify';
import { createDatabaseQuery } from '../evidence/database-query.js';
import { createDatabaseStore } from '../evidence/database-store.js';
import { createErasure } from '../evidence/erasure.js';
import { evidenceConfig } from '../evidence/evidence-config.js';
import { chainOfRecords } from '../evidence/testing/chain-of-records.js';
import { openTestDatabase, type TestDatabase } from '../store/testing/embedded-test-database.js';
import { createWorld } from '../testing/world.js';
import { createAdminApp } from './app.js';

const who = (name: string): string => `spiffe://example.org/publisher/${name}`;
const [ALL, ACME, STRANGER] = ['auditor', 'acme-auditor', 'ci'].map(who) as [string, string, string];
const config = evidenceConfig.parse({
  readers: [
    { publisher: 'auditor', tenants: '*', mayErase: true },
    { publisher: 'acme-auditor', tenants: ['acme'] },
    { publisher: 'acme-officer', tenants: ['acme'], mayErase: true },
  ],
  retention: { days: 400, tenants: { globex: { hold: true } } },
});
const chain = chainOfRecords('pdp-1', [
  { tenant: 'acme' },
  { tenant: 'globex', effect: 'deny' },
  { tenant: 'acme', tool: { server: 'x', name: '"],"next":1' } },
]);

let database: TestDatabase;
let app: FastifyInstance;
let stop: AbortController;

/** The chain and nothing else. */
async function fill(): Promise<void> {
  await database.empty();
  const store = createDatabaseStore(database);
  await store.append(chain.writer, chain.records);
  await store.checkpoint(chain.writer, chain.at(2), chain.note(2));
  await store.finding(chain.writer, { code: 'CHAIN_FORKED', message: 'two', seq: 2 }, new Date(0));
}

beforeAll(async () => {
  database = await openTestDatabase();
  await fill();
  const store = createDatabaseStore(database);
  const world = await createWorld();
  stop = new AbortController();
  app = createAdminApp({
    ...world,
    evidence: store,
    tls: {},
    signal: stop.signal,
    watchMs: 50,
    identify: (request) => parsePeerIdentity(String(request.headers['x-peer'] ?? ''), 'example.org'),
    audit: {
      ...{ store, query: createDatabaseQuery(database), erasure: createErasure(database, config.retention) },
      ...{ config, clock: world.clock, log: world.log },
    },
  });
}, 60_000);
afterAll(async () => {
  stop.abort();
  await app.close();
  await database.close();
});

const get = (peer: string, url: string) => app.inject({ method: 'GET', url, headers: { 'x-peer': peer } });
const erase = (peer: string, payload: object) =>
  app.inject({ method: 'POST', url: '/v1/audit/erasures', headers: { 'x-peer': peer }, payload });
const seqs = (body: string): readonly number[] =>
  (JSON.parse(body) as { records: { seq: number }[] }).records.map(({ seq }) => seq);

const everything: readonly (readonly [string, string, 'named' | 'all'])[] = [
  ['records', '', 'named'],
  ['records/r-pdp-1-1', '', 'named'],
  ['retention', '', 'named'],
  ['writers', '', 'all'],
  ['findings', '', 'all'],
  ['export', `?writer=${chain.writer}`, 'all'],
];

describe('who may read evidence', () => {
  test.each(everything)('%s', async (path, query, needs) => {
    const url = `/v1/audit/${path}${query}`;
    expect((await get('', url)).statusCode).toBe(401);
    for (const peer of [STRANGER, 'spiffe://example.org/pdp/auditor', 'spiffe://example.org/gateway/auditor']) {
      expect([peer, (await get(peer, url)).statusCode]).toEqual([peer, 403]);
    }
    expect((await get(ALL, url)).statusCode).toBe(200);
    expect((await get(ACME, url)).statusCode).toBe(needs === 'all' ? 403 : 200);
    expect((await get(ALL, `${url}${query === '' ? '?' : '&'}colour=red`)).statusCode).toBe(400);
  });

  test('nobody where nobody is named, and nothing where nothing is kept', async () => {
    expect(evidenceConfig.parse(undefined).readers).toEqual([]);
    const without = createAdminApp({
      ...(await createWorld()),
      evidence: createDatabaseStore(database),
      tls: {},
      signal: stop.signal,
      watchMs: 50,
      identify: () => parsePeerIdentity(ALL, 'example.org'),
    });
    expect((await without.inject('/v1/audit/records')).statusCode).toBe(404);
    await without.close();
  });
});

describe('records', () => {
  test('come newest first, with their exact text, page by page', async () => {
    const first = await get(ALL, '/v1/audit/records?limit=2');
    expect(first.headers['content-type']).toMatch(/^application\/json/);
    expect(first.json()).toMatchObject({
      records: [
        { writer: chain.writer, seq: 3, proven: false, record: { tool: { name: '"],"next":1' } } },
        { seq: 2, proven: true, record: JSON.parse(chain.records[1]?.line ?? '') as object },
      ],
    });
    expect(first.body).toContain(chain.records[2]?.line);
    const { next } = first.json<{ next: string }>();
    const second = await get(ALL, `/v1/audit/records?limit=2&after=${next}`);
    expect([seqs(second.body), second.json<{ next: null }>().next]).toEqual([[1], null]);
  });

  test.each<[string, string, readonly number[]]>([
    [ALL, 'effect=deny', [2]],
    [ALL, 'decision_id=d-pdp-1-3', [3]],
    [ALL, 'from=2026-11-01T00:00:02Z&to=2026-11-01T02:00:03%2B02:00', [2]],
    [ACME, '', [3, 1]],
    [ACME, 'tenant=globex', []],
  ])('%s asks for %s', async (peer, query, expected) => {
    expect(seqs((await get(peer, `/v1/audit/records?${query}`)).body)).toEqual(expected);
  });

  test('of others do not exist', async () => {
    expect((await get(ACME, '/v1/audit/records/r-pdp-1-2')).statusCode).toBe(404);
    expect(seqs((await get(ALL, '/v1/audit/records/r-pdp-1-2')).body)).toEqual([2]);
  });

  test.each(['limit=0', 'limit=201', 'limit=ten', 'from=yesterday', 'after=x', 'tenant=', 'tenant=a&tenant=b'])(
    'refuses %s',
    async (query) => {
      const answer = await get(ALL, `/v1/audit/records?${query}`);
      expect([answer.statusCode, answer.headers['content-type']]).toEqual([
        400,
        expect.stringMatching(/^application\/problem\+json/),
      ]);
    },
  );
});

describe('what no record can hold is refused, and not blamed on the store', () => {
  test.each([
    'records?tool=a%00b',
    'records/a%00b',
    'findings?writer=a%00b',
    'export?writer=a%00b',
    'records?from=0000-01-01T00:00:00Z',
    'records?to=9999-12-31T23:59:59-23:59',
  ])('%s', async (path) => {
    const answer = await get(ALL, `/v1/audit/${path}`);
    expect([answer.statusCode, answer.json<{ code: string }>().code]).toEqual([400, 'ERR_ADMIN_INVALID']);
  });

  test.each([{ tenant: 'a\u0000' }, { agent: 'a\u0000' }, { comment: 'a\u0000' }, { before: '0000-01-01T00:00:00Z' }])(
    'erasing %j',
    async (wrong) => {
      const answer = await erase(ALL, { tenant: 'acme', comment: 'art. 17', ...wrong });
      expect([answer.statusCode, answer.json<{ code: string }>().code]).toEqual([400, 'ERR_ADMIN_INVALID']);
    },
  );
});

describe('chains', () => {
  test('writers and findings', async () => {
    expect((await get(ALL, '/v1/audit/writers')).json()).toEqual({
      writers: [{ writer: chain.writer, end: chain.at(3), proven_to: 2, findings: 1 }],
    });
    expect((await get(ALL, '/v1/audit/findings?limit=5')).json()).toEqual({
      findings: [
        { writer: chain.writer, code: 'CHAIN_FORKED', message: 'two', seq: 2, at: '1970-01-01T00:00:00.000Z' },
      ],
    });
  });

  test('an export verifies', async () => {
    const { body } = await get(ALL, `/v1/audit/export?writer=${chain.writer}`);
    const [note = '', ...lines] = body.trimEnd().split('\n');
    expect(lines).toEqual(chain.records.map(({ line }) => line));
    const key = openNoteVerifier(chain.signer.verifierKey);
    const { checkpoint } = JSON.parse(note) as { checkpoint: string };
    const opened = key === undefined ? undefined : openCheckpoint(key, checkpoint);
    const verifier = createChainVerifier({ checkpoints: opened?.ok === true ? [opened.checkpoint] : [] });
    for (const line of lines) verifier.line(line);
    expect(verifier.finish()).toMatchObject({ ok: true, records: 3, provenTo: 2 });
    expect((await get(ALL, '/v1/audit/export?writer=nobody')).statusCode).toBe(404);
  });
});

describe('erasure', () => {
  beforeEach(fill);
  const wish = { tenant: 'acme', comment: 'art. 17' };

  test('is for those who may, of tenants that they may see', async () => {
    expect((await erase(ACME, wish)).statusCode).toBe(403);
    expect((await erase(who('acme-officer'), { ...wish, tenant: 'globex' })).statusCode).toBe(403);
    expect((await erase(STRANGER, wish)).statusCode).toBe(403);
    expect((await erase(who('acme-officer'), wish)).json()).toEqual({ records: 1, uncovered: 1 });
    expect(seqs((await get(ALL, '/v1/audit/records')).body)).toEqual([3, 2]);
    expect((await get(ACME, '/v1/audit/retention')).json()).toEqual({
      default: { days: 400, hold: false },
      tenants: [{ tenant: 'acme', days: 400, hold: false }],
      erasures: [expect.objectContaining({ ...wish, actor: 'acme-officer', reason: 'erasure', records: 1 })],
    });
    expect((await get(ALL, '/v1/audit/retention')).json()).toMatchObject({
      tenants: [{ tenant: 'globex', days: null, hold: true }],
    });
  });

  test('is refused under a legal hold, and without a reason', async () => {
    const held = await erase(ALL, { ...wish, tenant: 'globex' });
    expect([held.statusCode, held.json<{ code: string }>().code]).toEqual([409, 'ERR_EVIDENCE_HELD']);
    expect((await erase(ALL, { tenant: 'acme' })).statusCode).toBe(400);
    expect((await erase(ALL, { ...wish, everything: true })).statusCode).toBe(400);
  });
});
