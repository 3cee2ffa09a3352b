/**
 * A real PDP beside the level Search (Core and Properties) of the certification scenario of the OpenID AuthZEN Authorization
 * API 1.0 (github.com/openid/authzen, certification/authorization-api-1_0-scenario.md). Section numbers are that document's.
 */
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { RECORDS, type Records, startRecords } from '../support/authzen-records.js';

jest.setTimeout(60_000);

type Kind = 'subject' | 'resource' | 'action';
const pathOf = (kind: Kind): string => `/access/v1/search/${kind}`;
const { alice, admin, first, archived, read, write } = RECORDS;
const user = { type: 'user' };
const record = { type: 'record' };
const context = { time: '2025-06-27T18:03-07:00', ip: '192.168.1.1' };

let records: Records;

beforeAll(async () => {
  records = await startRecords();
});

afterAll(async () => {
  await records?.close();
});

const whoReads = { subject: user, action: read, resource: first };
const whatAliceReads = { subject: alice, action: read, resource: record };
const whatAliceDoes = { subject: alice, resource: first };
test.each<[string, Kind, object, readonly string[]]>([
  ['4.2.1', 'subject', whoReads, ['alice', 'bob']],
  ['4.2.2', 'subject', { ...whoReads, context }, ['alice', 'bob']],
  ['4.2.3', 'subject', { ...whoReads, subject: alice }, ['alice', 'bob']],
  ['4.2.4', 'subject', { subject: user, action: write, resource: archived }, ['bob']],
  ['4.3.1', 'resource', whatAliceReads, ['record-1', 'record-2']],
  ['4.3.2', 'resource', { ...whatAliceReads, context }, ['record-1', 'record-2']],
  ['4.3.3', 'resource', { ...whatAliceReads, resource: first }, ['record-1', 'record-2']],
  ['4.3.4', 'resource', { subject: admin, action: write, resource: record }, ['record-2']],
  ['4.4.1', 'action', whatAliceDoes, ['read', 'write']],
  ['4.4.2', 'action', { ...whatAliceDoes, context }, ['read', 'write']],
  ['4.4.3', 'action', { subject: admin, resource: archived }, ['read', 'write']],
])('%s: a search finds exactly what evaluations permit', async (_section, kind, body, found) => {
  const { status, headers, json } = await records.post(pathOf(kind), body, { 'x-request-id': 'r-1' });
  expect([status, headers['x-request-id']]).toEqual([200, 'r-1']);
  expect(headers['content-type']).toMatch(/^application\/json/);
  expect(json.results?.map(({ id, name }) => id ?? name)).toEqual(found);
  if (kind !== 'action')
    expect(new Set(json.results?.map(({ type }) => type))).toEqual(new Set([kind === 'subject' ? 'user' : 'record']));
  expect(json.context).toMatchObject({ candidates: 'configuration' });
});

test('4.5: pages go on until their token is empty', async () => {
  const found: unknown[] = [];
  let token: string | undefined;
  for (let pages = 0; token !== '' && pages < 5; pages += 1) {
    const page = token === undefined ? { limit: 1 } : { token };
    const { status, json } = await records.post(pathOf('subject'), { ...whoReads, page });
    expect([status, typeof json.page?.next_token]).toEqual([200, 'string']);
    found.push(...(json.results ?? []).map(({ id }) => id));
    token = json.page?.next_token;
  }
  expect([token, found]).toEqual(['', ['alice', 'bob']]);
});

const nobody = { type: 'user', id: 'nonexistent-user' };
const nothing = { type: 'record', id: 'nonexistent-record' };
test.each<[string, Kind, object]>([
  ['4.6.1', 'action', { subject: nobody, resource: first }],
  ['4.6.1', 'action', { subject: alice, resource: nothing }],
  ['4.6.1', 'resource', { subject: nobody, action: read, resource: record }],
  ['4.6.1', 'subject', { subject: user, action: read, resource: nothing }],
])('%s: an id that nobody knows is no error', async (_section, kind, body) => {
  const { status, json } = await records.post(pathOf(kind), body);
  expect([status, json.results, json.page?.next_token]).toEqual([200, [], '']);
  // These were decided: that none is permitted is the answer.
  expect(json.context).toMatchObject({ candidates: 'configuration' });
  expect(json.context).not.toHaveProperty('unlisted');
});

const spaceship = { type: 'spaceship' };
const oneShip = { ...spaceship, id: 'Nostromo' };
test.each<[string, Kind, object, string]>([
  ['4.6.2', 'subject', { ...whoReads, subject: spaceship }, 'subject.type'],
  ['4.6.2', 'subject', { ...whoReads, resource: oneShip }, 'resource.type'],
  ['4.6.2', 'resource', { ...whatAliceReads, resource: spaceship }, 'resource.type'],
  ['4.6.2', 'resource', { ...whatAliceReads, subject: oneShip }, 'subject.type'],
  ['4.6.2', 'action', { ...whatAliceDoes, subject: oneShip }, 'subject.type'],
  ['4.6.2', 'action', { ...whatAliceDoes, resource: oneShip }, 'resource.type'],
  ['a known type without a list', 'resource', { ...whatAliceReads, resource: { type: 'model' } }, 'resource.type'],
])('%s: a type of which there is no list is no error, and it is said', async (_section, kind, body, path) => {
  const { status, json } = await records.post(pathOf(kind), body);
  expect([status, json.results, json.page?.next_token]).toEqual([200, [], '']);
  expect(json.context).toMatchObject({ candidates: 'none', unlisted: { path, message: expect.any(String) } });
});

test.each<[string, Kind, object]>([
  ['4.7.1', 'subject', { subject: user, resource: first }],
  ['4.7.1', 'resource', { action: read, resource: record }],
  ['4.7.1', 'action', { subject: alice }],
  ['4.7.2', 'subject', { subject: user, action: read, resource: record }],
  ['4.7.2', 'resource', { subject: user, action: read, resource: record }],
  ['4.7.2', 'action', { subject: user, resource: first }],
  ['no type that is searched for', 'subject', { ...whoReads, subject: {} }],
])('%s: no search, and its id comes back', async (_section, kind, body) => {
  const { status, headers } = await records.post(pathOf(kind), body, { 'x-request-id': 'r-1' });
  expect([status, headers['x-request-id']]).toEqual([400, 'r-1']);
});
