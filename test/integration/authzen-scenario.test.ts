/**
 * A real PDP beside the certification scenario of the OpenID AuthZEN Authorization API 1.0
 * (github.com/openid/authzen, certification/authorization-api-1_0-scenario.md, levels Basic, Batch and Discovery; Search is
 * in authzen-search-scenario.test.ts). Section numbers are that document's.
 */
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { request } from 'undici';
import { RECORDS, type Records, startRecords } from '../support/authzen-records.js';

jest.setTimeout(60_000);

const ONE = '/access/v1/evaluation';
const MANY = '/access/v1/evaluations';
const { alice, bob, admin, first, active, second, archived, read, write } = RECORDS;

let records: Records;

beforeAll(async () => {
  records = await startRecords();
});

afterAll(async () => {
  await records?.close();
});

const circumstances = { time: '2025-06-27T18:03-07:00', ip: '192.168.1.1' };
const rich = {
  subject: { ...alice, properties: { department: 'Sales', role: 'manager' } },
  action: { ...read, properties: { method: 'GET' } },
  resource: { ...first, properties: { status: 'active', owner: 'bob' } },
};
test.each<[string, object, boolean]>([
  ['2.2.1', { subject: alice, action: read, resource: first }, true],
  ['rule 2', { subject: alice, action: write, resource: first }, true],
  ['rule 3', { subject: bob, action: read, resource: first }, true],
  ['2.2.2', { subject: bob, action: write, resource: first }, false],
  ['2.2.3', { subject: alice, action: read, resource: first, context: circumstances }, true],
  ['2.2.4', { subject: alice, action: write, resource: archived }, false],
  ['2.2.5', { subject: admin, action: write, resource: archived }, true],
  ['2.2.6', { subject: alice, action: { name: 'delete', properties: { soft: true } }, resource: first }, true],
  ['2.2.7', { subject: alice, action: { name: 'delete', properties: { soft: false } }, resource: first }, false],
  ['2.2.8', rich, true],
  ['2.2.9', { subject: alice, action: read, resource: first, foo: 'bar', futureField: { nested: true } }, true],
])('%s: one evaluation', async (_section, body, decision) => {
  // The same again: section 2.6.
  for (const path of [ONE, ONE, MANY]) {
    const { status, headers, json } = await records.post(path, {
      ...body,
      ...(path === MANY ? { evaluations: [] } : {}),
    });
    expect([status, json.decision]).toEqual([200, decision]);
    expect(headers['content-type']).toMatch(/^application\/json/);
  }
});

const whole = { subject: alice, action: read, resource: first };
const without = (...path: readonly [keyof typeof whole, string?]): object => {
  const [entity, member] = path;
  const { [entity]: changed, ...others } = whole;
  if (member === undefined) return others;
  return { ...others, [entity]: Object.fromEntries(Object.entries(changed).filter(([name]) => name !== member)) };
};
test.each<[string, unknown, string?]>([
  ['2.4.1', without('subject')],
  ['2.4.1', without('action')],
  ['2.4.1', without('resource')],
  ['2.4.2', without('subject', 'type')],
  ['2.4.2', without('subject', 'id')],
  ['2.4.2', without('action', 'name')],
  ['2.4.2', without('resource', 'type')],
  ['2.4.2', without('resource', 'id')],
  ['2.4.3', whole, 'text/plain'],
  ['2.4.4', '{"subject":'],
  ['2.4.5', ''],
  ['2.4.6', { ...whole, subject: 'alice' }],
  ['2.4.6', { ...whole, action: { name: 123 } }],
])('%s: no evaluation, and its id comes back', async (_section, body, type = 'application/json') => {
  const { status, headers } = await records.post(ONE, body, { 'content-type': type, 'x-request-id': 'r-1' });
  expect([status, headers['x-request-id']]).toEqual([400, 'r-1']);
});

const ANY = expect.any(Boolean);
test.each<[string, object, readonly unknown[]]>([
  ['3.2.1', { subject: alice, action: read, evaluations: [{ resource: first }, { resource: second }] }, [ANY, ANY]],
  ['3.2.2', { subject: bob, resource: first, evaluations: [{ action: read }, { action: write }] }, [true, false]],
  [
    '3.2.3',
    { subject: alice, action: write, evaluations: [{ resource: active }, { resource: archived }] },
    [true, false],
  ],
  [
    '3.2.4',
    { action: write, resource: archived, evaluations: [{ subject: alice }, { subject: admin }] },
    [false, true],
  ],
  ['3.2.5', { evaluations: [whole, { subject: bob, action: write, resource: first }] }, [true, false]],
  [
    '3.2.6',
    {
      subject: alice,
      action: read,
      context: { time: '2025-06-27T18:03-07:00' },
      evaluations: [
        { resource: first },
        { resource: second, context: { time: '2025-06-27T19:00-07:00', source: 'batch-override' } },
      ],
    },
    [ANY, ANY],
  ],
  [
    '3.2.7',
    { subject: alice, action: write, resource: active, evaluations: [{}, { resource: archived }] },
    [true, false],
  ],
  [
    '3.4.1',
    {
      subject: alice,
      action: read,
      options: { evaluations_semantic: 'execute_all' },
      evaluations: [{ resource: first }, {}],
    },
    [true, false],
  ],
])('%s: a batch', async (_section, body, decisions) => {
  const { status, json } = await records.post(MANY, body);
  expect([status, json.evaluations?.map(({ decision }) => decision)]).toEqual([200, decisions]);
});

test('3.4.2: a batch without evaluations is one', async () => {
  const { status, json } = await records.post(MANY, whole);
  expect([status, json.decision]).toEqual([200, true]);
});

test('6: the metadata', async () => {
  const { base } = records;
  const answer = await request(`${base}/.well-known/authzen-configuration`, { dispatcher: records.dispatcher });
  expect([answer.statusCode, answer.headers['content-type']]).toEqual([
    200,
    expect.stringMatching(/^application\/json/),
  ]);
  expect(await answer.body.json()).toMatchObject({
    policy_decision_point: base,
    access_evaluation_endpoint: `${base}${ONE}`,
    access_evaluations_endpoint: `${base}${MANY}`,
    search_subject_endpoint: expect.stringMatching(/^https:/),
  });
});
