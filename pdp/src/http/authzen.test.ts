import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { CanonicalRequest } from '@portcullis/policy/model';
import { AGENT_ID, createTestHttpApp, DENIED, EDGE_ID, type TestHttpApp, WIDE_ID } from '../fixtures/http-app.js';

const ONE = '/access/v1/evaluation';
const MANY = '/access/v1/evaluations';
const subject = { type: 'agent', id: 'analyst' };
const action = { name: 'tools/call', properties: { path: '/x' } };
const resource = { type: 'tool', id: 'read', properties: { server: 'files' } };
const whole = { subject, action, resource };

let http: TestHttpApp;
beforeEach(() => {
  http = createTestHttpApp((request) => (request?.tool?.name?.startsWith('no') === false ? {} : DENIED));
});
afterEach(() => http.app.close());

/** The canonical request that reached the pipeline last, or why there was none. */
function asked(): unknown {
  const attempt = http.attempts.at(-1);
  if (attempt === undefined) return undefined;
  return attempt.subject.ok ? attempt.subject.value : attempt.subject.problems[0]?.path;
}

describe('an evaluation', () => {
  test('is answered by a decision with its reasons, and its id is echoed', async () => {
    const allowed = await http.post(ONE, whole, { 'x-request-id': 'r-1' });
    expect([allowed.statusCode, allowed.headers['x-request-id']]).toEqual([200, 'r-1']);
    expect(allowed.headers['content-type']).toMatch(/^application\/json/);
    expect(allowed.json()).toMatchObject({ decision: true, context: { evaluation_id: 'd-1', effect: 'allow' } });
    const denied = await http.post(ONE, { ...whole, resource: { type: 'tool', id: 'no' } });
    expect([denied.statusCode, denied.headers['x-request-id']]).toEqual([200, undefined]);
    expect(denied.json()).toMatchObject({ decision: false, context: { reasons: [{ code: 'POLICY_DENIED' }] } });
  });

  test('ignores members that it does not know', async () => {
    const answer = await http.post(ONE, {
      ...whole,
      subject: { ...subject, extra: 1 },
      action: { ...action, extra: 1 },
      resource: { ...resource, extra: [] },
      extra: { a: 1 },
    });
    expect(answer.json()).toMatchObject({ decision: true });
    expect(JSON.stringify(asked())).not.toContain('extra');
  });

  test.each<[string, unknown, string]>([
    ['no subject', { action, resource }, 'subject'],
    ['no action', { subject, resource }, 'action'],
    ['no resource', { subject, action }, 'resource'],
    ['a subject that is text', { ...whole, subject: 'analyst' }, 'subject'],
    ['a subject that is null', { ...whole, subject: null }, 'subject'],
    ['a subject that is a list', { ...whole, subject: [] }, 'subject'],
    ['no subject.type', { ...whole, subject: { id: 'a' } }, 'subject.type'],
    ['no subject.id', { ...whole, subject: { type: 'agent' } }, 'subject.id'],
    ['a subject.id that is a number', { ...whole, subject: { type: 'agent', id: 1 } }, 'subject.id'],
    ['subject.properties that are text', { ...whole, subject: { ...subject, properties: 'x' } }, 'subject.properties'],
    ['no action.name', { ...whole, action: {} }, 'action.name'],
    ['an action.name that is null', { ...whole, action: { name: null } }, 'action.name'],
    ['action.properties that are a list', { ...whole, action: { name: 'x', properties: [] } }, 'action.properties'],
    ['no resource.type', { ...whole, resource: { id: 'r' } }, 'resource.type'],
    ['no resource.id', { ...whole, resource: { type: 'tool' } }, 'resource.id'],
    ['resource.properties: null', { ...whole, resource: { ...resource, properties: null } }, 'resource.properties'],
    ['a context that is text', { ...whole, context: 'x' }, 'context'],
    ['a context that is null', { ...whole, context: null }, 'context'],
    ['a list', [whole], ''],
    ['an empty body', '', ''],
    ['no JSON', '{', ''],
  ])('is none with %s: 400', async (_name, body, path) => {
    for (const url of [ONE, MANY]) {
      const answer = await http.post(url, body, { 'x-request-id': 'r-2' });
      expect([answer.statusCode, answer.headers['x-request-id']]).toEqual([400, 'r-2']);
      expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
      if (path !== '') expect(answer.json()).toMatchObject({ problems: [{ path }] });
    }
    expect(http.attempts).toEqual([]);
  });

  test.each(['text/plain', 'application/xml', undefined])('with the type %s: 400', async (type) => {
    expect((await http.post(ONE, whole, { 'content-type': type })).statusCode).toBe(400);
  });
});

describe('the canonical request', () => {
  const base = {
    version: '1.0',
    tenant_id: 'acme',
    source: 'sdk',
    agent: { id: 'analyst' },
    context: { timestamp: '2026-11-21T12:00:00.000Z', request_id: 'r' },
  };
  const tool = { server: 'files', name: 'read', operation: 'tools/call', arguments: { path: '/x' } };
  test.each<[string, string, object, object]>([
    ['a tool call', AGENT_ID, {}, { ...base, kind: 'tool_call', tool }],
    [
      'a list of tools',
      AGENT_ID,
      { action: { name: 'tools/list' } },
      { ...base, kind: 'tool_list', tool: { server: 'files', name: 'read', operation: 'tools/list' } },
    ],
    [
      'what is said of the agent',
      AGENT_ID,
      { subject: { ...subject, properties: { type: 'bot', trust_level: 0.5, squad: 'x', attributes: { y: 1 } } } },
      {
        ...base,
        kind: 'tool_call',
        tool,
        agent: { id: 'analyst', type: 'bot', trust_level: 0.5, attributes: { squad: 'x', y: 1 } },
      },
    ],
    [
      'circumstances',
      AGENT_ID,
      {
        context: {
          environment: 'prod',
          request_id: 'mine',
          source: 'hook',
          time: 'late',
          intent_risk: { decision: 'ALLOW' },
          supported_obligations: ['redact'],
        },
      },
      {
        ...base,
        source: 'hook',
        kind: 'tool_call',
        tool,
        context: { ...base.context, environment: 'prod', request_id: 'mine', attributes: { time: 'late' } },
        intent_risk: { decision: 'ALLOW' },
      },
    ],
    [
      'a user of a gateway',
      EDGE_ID,
      { subject: { type: 'user', id: 'alice', properties: { role: 'dev', floor: 3 } }, context: { agent: 'analyst' } },
      { ...base, kind: 'tool_call', tool, user: { id: 'alice', role: 'dev', attributes: { floor: 3 } } },
    ],
    [
      'a tenant of several',
      WIDE_ID,
      { context: { tenant_id: 'globex' } },
      { ...base, tenant_id: 'globex', kind: 'tool_call', tool, context: { ...base.context, tenant_id: 'globex' } },
    ],
    [
      'a model',
      AGENT_ID,
      {
        resource: { type: 'model', id: 'gpt', properties: { model_provider: 'acme' } },
        action: { name: 'chat', properties: { max_tokens: 5 } },
      },
      {
        ...base,
        kind: 'inference',
        request: { model: 'gpt', action: 'chat', model_provider: 'acme', max_tokens: 5 },
      },
    ],
    [
      'a host',
      AGENT_ID,
      { resource: { type: 'host', id: 'api.test', properties: { port: 443 } }, action: { name: 'GET' } },
      { ...base, kind: 'egress', egress: { host: 'api.test', method: 'GET', port: 443 } },
    ],
    [
      'another agent',
      AGENT_ID,
      { resource: { type: 'agent', id: 'bob' }, action: { name: 'summarise' } },
      { ...base, kind: 'a2a', peer: { agent_id: 'bob', skill: 'summarise' } },
    ],
  ])('of %s', async (_name, peer, changes, expected) => {
    await http.post(ONE, { ...whole, ...changes }, { 'x-peer': peer, 'x-request-id': 'r' });
    expect(asked()).toEqual(expected);
  });

  test.each<[string, string, object, string]>([
    ['an unknown type of subject', EDGE_ID, { subject: { type: 'robot', id: 'x' } }, 'subject.type'],
    ['a user by an agent', AGENT_ID, { subject: { type: 'user', id: 'alice' } }, 'subject.type'],
    ['a user without an agent', EDGE_ID, { subject: { type: 'user', id: 'alice' } }, 'context.agent'],
    ['two agents', EDGE_ID, { context: { agent: 'other' } }, 'context.agent'],
    ['one tenant of several', WIDE_ID, {}, 'context.tenant_id'],
    ['an unknown type of resource', AGENT_ID, { resource: { type: 'todo', id: '1' } }, 'resource.type'],
    [
      'arguments where no rule looks for them',
      AGENT_ID,
      { resource: { ...resource, properties: { arguments: {} } } },
      'resource.properties.arguments',
    ],
    [
      'a fact said twice',
      AGENT_ID,
      { subject: { ...subject, properties: { x: 1, attributes: { x: 2 } } } },
      'subject.properties.x',
    ],
    [
      'a host said twice',
      AGENT_ID,
      { resource: { type: 'host', id: 'a.test', properties: { host: 'b.test' } } },
      'resource.properties.host',
    ],
  ])('does not exist for %s: denied, on record', async (_name, peer, changes, path) => {
    const answer = await http.post(ONE, { ...whole, ...changes }, { 'x-peer': peer });
    expect([answer.statusCode, answer.json<{ decision: boolean }>().decision]).toEqual([200, false]);
    expect(asked()).toBe(path);
  });

  test('the tenant of an agent is that of its certificate', async () => {
    await http.post(ONE, { ...whole, context: { tenant_id: 'globex' } });
    // The pipeline refuses the two.
    expect(asked()).toMatchObject({ tenant_id: 'acme', context: { tenant_id: 'globex' } });
  });
});

describe('obligations', () => {
  const redact = { conditions: [{ type: 'redact' as const, value: { fields: ['ssn'] } }] };
  const review = { obligations: [{ type: 'review', value: true }] };
  const report = { obligations: [{ type: 'report_result', value: {} }] };
  test.each([
    ['one that the caller has not said it supports', redact, undefined, false],
    ['one that it has', redact, ['redact'], true],
    ['one of two', { ...redact, ...report }, ['redact'], false],
    ['what it supports is not a list', redact, 'redact', false],
    ['what the record itself fulfils', review, undefined, true],
    [
      'what the decision point does after the answer',
      { obligations: [{ type: 'notify', value: {} }] },
      undefined,
      true,
    ],
  ])('%s', async (_name, changes, supported, decision) => {
    const tied = createTestHttpApp(() => changes);
    const context = supported === undefined ? {} : { supported_obligations: supported };
    const answer = (await tied.post(ONE, { ...whole, context })).json();
    expect(answer).toMatchObject({ decision });
    if (!decision) expect(answer).toMatchObject({ context: { reasons: [{ code: 'OBLIGATION_UNSUPPORTED' }] } });
    if (changes === redact) {
      expect(answer).toMatchObject({
        context: { obligations: [{ type: 'redact', properties: { value: { fields: ['ssn'] } } }] },
      });
    }
    await tied.app.close();
  });
});

describe('evaluations', () => {
  const yes = { resource: { type: 'tool', id: 'yes' } };
  const no = { resource: { type: 'tool', id: 'no' } };
  const broken = { resource: { type: 'tool' } };
  const decisions = (answer: Awaited<ReturnType<TestHttpApp['post']>>): readonly boolean[] =>
    answer.json<{ evaluations: { decision: boolean }[] }>().evaluations.map(({ decision }) => decision);

  test.each([
    ['execute_all', [yes, no, yes], [true, false, true]],
    [undefined, [no, yes], [false, true]],
    ['deny_on_first_deny', [yes, no, yes], [true, false]],
    ['deny_on_first_deny', [yes, yes], [true, true]],
    ['deny_on_first_deny', [yes, broken, yes], [true, false]],
    ['permit_on_first_permit', [no, yes, yes], [false, true]],
    ['permit_on_first_permit', [broken, no, yes, no], [false, false, true]],
    ['permit_on_first_permit', [no, no], [false, false]],
  ])('%s of %j', async (semantic, evaluations, expected) => {
    const options = semantic === undefined ? {} : { options: { evaluations_semantic: semantic, other: 1 } };
    const answer = await http.post(MANY, { subject, action, evaluations, ...options });
    expect([answer.statusCode, decisions(answer)]).toEqual([200, expected]);
    expect(answer.json()).not.toHaveProperty('decision');
  });

  test('a whole entity takes the place of the default; nothing inside is merged', async () => {
    const context = { environment: 'dev' };
    const evaluations = [
      {},
      { action: { name: 'b' } },
      { context: { ip: '10.0.0.1' }, resource: { type: 'tool', id: 'r' } },
    ];
    const answer = await http.post(MANY, { ...whole, context, evaluations }, { 'x-request-id': 'r' });
    expect(decisions(answer)).toEqual([true, true, true]);
    const seen = http.attempts.map(({ subject }) => (subject.ok ? subject.value : undefined)) as CanonicalRequest[];
    expect(seen.map(({ tool }) => tool)).toEqual([
      { server: 'files', name: 'read', operation: 'tools/call', arguments: { path: '/x' } },
      { server: 'files', name: 'read', operation: 'b' },
      { name: 'r', operation: 'tools/call', arguments: { path: '/x' } },
    ]);
    expect(seen.map(({ context }) => [context.environment, context.ip])).toEqual([
      ['dev', undefined],
      ['dev', undefined],
      [undefined, '10.0.0.1'],
    ]);
    expect(new Set(http.attempts.map(({ deadline }) => deadline)).size).toBe(1);
  });

  test.each([
    ['without any', whole],
    ['with an empty list', { ...whole, evaluations: [] }],
  ])('%s are a single one', async (_name, body) => {
    expect((await http.post(MANY, body)).json()).toMatchObject({ decision: true });
  });

  test.each([
    ['no object', [yes, 'x'], 400],
    ['null', [yes, null], 400],
    ['no resource', [yes, {}], 400],
    ['a name of the wrong type', [yes, { ...no, action: { name: 1 } }], 400],
  ])('an element that is %s is an error of its own', async (_name, evaluations, status) => {
    const answer = await http.post(MANY, { subject, action, evaluations });
    expect(answer.json()).toMatchObject({
      evaluations: [{ decision: true }, { decision: false, context: { error: { status } } }],
    });
    expect(http.attempts).toHaveLength(1);
  });

  test.each<[string, object, string]>([
    ['are no list', { ...whole, evaluations: {} }, 'evaluations'],
    ['are null', { ...whole, evaluations: null }, 'evaluations'],
    ['are more than 256', { ...whole, evaluations: Array.from({ length: 257 }, () => 1) }, 'evaluations'],
    ['have a default of the wrong type', { subject: 'x', evaluations: [whole] }, 'subject'],
    ['have a default without an id', { subject: { type: 'agent' }, evaluations: [whole] }, 'subject.id'],
    ['have options of the wrong type', { ...whole, options: 'x', evaluations: [{}] }, 'options'],
    [
      'have an unknown semantic',
      { ...whole, options: { evaluations_semantic: 'any' }, evaluations: [{}] },
      'options.evaluations_semantic',
    ],
  ])('that %s: 400', async (_name, body, path) => {
    const answer = await http.post(MANY, body);
    expect([answer.statusCode, answer.json<{ problems: { path: string }[] }>().problems[0]?.path]).toEqual([400, path]);
    expect(http.attempts).toEqual([]);
  });
});

test('the metadata names what there is, to everybody, and nothing that there is not', async () => {
  const answer = await http.app.inject({ url: '/.well-known/authzen-configuration', headers: { 'x-request-id': 'm' } });
  expect([answer.statusCode, answer.headers['x-request-id']]).toEqual([200, 'm']);
  expect(answer.headers['content-type']).toMatch(/^application\/json/);
  expect(answer.json()).toEqual({
    policy_decision_point: 'https://pdp.test',
    access_evaluation_endpoint: 'https://pdp.test/access/v1/evaluation',
    access_evaluations_endpoint: 'https://pdp.test/access/v1/evaluations',
  });
});
