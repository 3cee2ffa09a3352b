/** Evaluations about what agents do not do: resources of types that the configuration declares, and users without an agent. */

import { afterEach, expect, test } from '@jest/globals';
import { AGENT_ID, createTestHttpApp, EDGE_ID, type Operated, type TestHttpApp } from '../fixtures/http-app.js';
import { httpConfig, isKnownType, OWN_RESOURCE_TYPES } from './http-config.js';

const URL = '/access/v1/evaluation';
const alice = { type: 'user', id: 'alice' };
const read = { name: 'read' };
const record = { type: 'record', id: 'record-1' };
const BOTH = { resourceTypes: ['record', 'todo'], agent: 'portal' };

let http: TestHttpApp;
afterEach(() => http.app.close());

/** The canonical request that comes of it, or where it is denied. */
async function asked(body: object, vocabulary: Operated['vocabulary'], caller = EDGE_ID): Promise<unknown> {
  http = createTestHttpApp(undefined, { vocabulary });
  await http.post(URL, body, { 'x-peer': caller });
  const subject = http.attempts.at(-1)?.subject;
  return subject?.ok === true ? subject.value : subject?.problems[0]?.path;
}

test('a declared type is a resource whose rules read the type', async () => {
  const action = { name: 'delete', properties: { soft: true } };
  const resource = { ...record, properties: { status: 'archived', server: 'crm', attributes: { owner: 'bob' } } };
  expect(await asked({ subject: alice, action, resource }, BOTH)).toMatchObject({
    kind: 'resource',
    user: { id: 'alice' },
    agent: { id: 'portal' },
    tool: {
      name: 'record-1',
      operation: 'delete',
      server: 'crm',
      arguments: { soft: true },
      attributes: { status: 'archived', owner: 'bob', resource_type: 'record' },
    },
  });
});

test('an agent that is named is the one that acts', async () => {
  const body = { subject: alice, action: read, resource: record, context: { agent: 'analyst' } };
  expect(await asked(body, BOTH)).toMatchObject({ agent: { id: 'analyst' } });
});

test('a subject that is an agent has no other', async () => {
  const body = { subject: { type: 'agent', id: 'analyst' }, action: read, resource: record };
  expect(await asked(body, BOTH, AGENT_ID)).toMatchObject({ agent: { id: 'analyst' } });
});

const said = (name: string): object => ({ ...record, properties: { [name]: name } });
test.each<[string, object, Operated['vocabulary'], string]>([
  ['nothing is declared', { resource: record }, { agent: 'portal' }, 'resource.type'],
  ['another type is declared', { resource: { type: 'Record', id: 'r' } }, BOTH, 'resource.type'],
  ['nobody acts', { resource: record }, { resourceTypes: ['record'] }, 'context.agent'],
  ['nobody acts', { resource: record, context: { agent: null } }, BOTH, 'context.agent'],
  ['the type is said twice', { resource: said('resource_type') }, BOTH, 'resource.properties.resource_type'],
  [
    'the type is said among the attributes',
    { resource: { ...record, properties: { attributes: { resource_type: 'todo' } } } },
    BOTH,
    'resource.properties.resource_type',
  ],
  [
    'a resource of MCP says that it is of a declared type',
    { resource: { ...said('resource_type'), type: 'resource' } },
    BOTH,
    'resource.properties.resource_type',
  ],
  ['a name is said twice', { resource: said('name') }, BOTH, 'resource.properties.name'],
])('it is denied when %s', async (_why, more, vocabulary, path) => {
  expect(await asked({ subject: alice, action: read, ...more }, vocabulary)).toBe(path);
});

test('a user is named by gateways only, whoever acts', async () => {
  expect(await asked({ subject: alice, action: read, resource: record }, BOTH, AGENT_ID)).toBe('subject.type');
});

test.each(['agent', 'user', 'robot', ...OWN_RESOURCE_TYPES, 'record', 'ship'])(
  'what a search takes for a type is what evaluations may name: %s',
  async (type) => {
    const { vocabulary } = httpConfig.parse({ vocabulary: BOTH });
    const subject = { type, id: 'x' };
    const bySubject = await asked({ subject, action: read, resource: record }, BOTH);
    expect(bySubject !== 'subject.type').toBe(isKnownType('subject', type, vocabulary));
    await http.app.close();
    const byResource = await asked({ subject: alice, action: read, resource: subject }, BOTH);
    expect(byResource !== 'resource.type').toBe(isKnownType('resource', type, vocabulary));
  },
);

test.each(['tool', 'agent', 'a b', ''])('"%s" cannot be declared', (type) => {
  expect(httpConfig.safeParse({ vocabulary: { resourceTypes: [type] } }).success).toBe(false);
});
