import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type FakePeople, fakePeople } from '../../../testing/fake-people.js';
import { type FakePolicyClient, fail, fakePolicyClient } from '../../../testing/fake-policy-client.js';
import { type Answered, type Harness, startHarness } from '../../../testing/proxy-harness.js';
import {
  answerJson,
  type RecordingUpstream,
  recordingUpstream,
  type Script,
} from '../../../testing/recording-upstream.js';
import { createSseReader } from '../../http/sse.js';

const PAGE = 'https://console.test/approvals/{id}';
const VERSION = 'io.modelcontextprotocol/protocolVersion';
const CAPABILITIES = 'io.modelcontextprotocol/clientCapabilities';
const URL_CLIENT = { elicitation: { form: {}, url: {} } };

let people: FakePeople;
let client: FakePolicyClient;
let upstream: RecordingUpstream;
let harness: Harness;

beforeEach(async () => {
  people = fakePeople();
  client = fakePolicyClient(people.behaviour);
  upstream = await recordingUpstream();
});
afterEach(async () => {
  await harness?.close();
  await upstream?.close();
});

async function start(approvals: object = {}): Promise<void> {
  harness = await startHarness({
    client,
    upstreamUrl: upstream.url,
    approvals: { page: PAGE, waitMs: 5_000, ...approvals },
  });
}

const calls = (): number => upstream.requests.filter(({ body }) => body.includes('"tools/call"')).length;

/** A payment as a client of 2026-07-28 makes it. */
function pay(params: object = {}, capabilities: object = URL_CLIENT, id = 1): Promise<Answered> {
  const { _meta: meta, ...rest } = params as { _meta?: object };
  const all = {
    name: 'pay',
    arguments: { to: 'bob' },
    ...rest,
    _meta: { [VERSION]: '2026-07-28', [CAPABILITIES]: capabilities, ...meta },
  };
  const headers = ['mcp-protocol-version', '2026-07-28', 'mcp-method', 'tools/call', 'mcp-name', 'pay'];
  return harness.post({ jsonrpc: '2.0', id, method: 'tools/call', params: all }, headers);
}

function payLegacy(id = 1, meta?: object): Promise<Answered> {
  const params = { name: 'pay', arguments: { to: 'bob' }, ...(meta === undefined ? {} : { _meta: meta }) };
  const headers = ['mcp-protocol-version', '2025-11-25', 'mcp-session-id', 's-1'];
  return harness.post({ jsonrpc: '2.0', id, method: 'tools/call', params }, headers);
}

async function until(what: () => boolean): Promise<void> {
  while (!what()) await new Promise((resolve) => setTimeout(resolve, 2));
}

/** All messages of an answer, whichever way it came. */
function messages({ text, headers }: Answered): readonly Answered['json'][] {
  if (headers['content-type'] !== 'text/event-stream') return [JSON.parse(text) as Answered['json']];
  const events = createSseReader({ maxEventBytes: 65_536 }).push(Buffer.from(text));
  return events.flatMap(({ data }) => (data === undefined ? [] : [JSON.parse(data.toString()) as Answered['json']]));
}
const last = (answered: Answered): Answered['json'] => messages(answered).at(-1) ?? {};
const stateOf = (answered: Answered): string => String(last(answered).result?.['requestState']);

describe('a client of 2026-07-28', () => {
  test('is asked to show the page, and its retry is carried out once people agreed', async () => {
    await start();
    const held = await pay();
    expect(held.json.result).toMatchObject({
      resultType: 'input_required',
      inputRequests: {
        'portcullis.approval': {
          method: 'elicitation/create',
          params: { mode: 'url', url: 'https://console.test/approvals/approval-1' },
        },
      },
      _meta: { 'portcullis/hold': { approval_id: 'approval-1' } },
    });
    expect(calls()).toBe(0);
    const retried = pay({
      requestState: stateOf(held),
      inputResponses: { 'portcullis.approval': { action: 'accept' } },
    });
    await until(() => harness.news.waiting === 1);
    people.approve();
    harness.news.told('pdp-1', 1);
    expect(last(await retried).result).toBeDefined();
    expect([calls(), people.used]).toEqual([1, ['approval-1']]);
    const sent = String(upstream.requests.at(-1)?.body);
    expect(sent).not.toMatch(/requestState|inputResponses|portcullis/);
  });

  test('that cannot show pages gets the state alone; so does one that shows forms only', async () => {
    await start();
    for (const capabilities of [{}, { elicitation: {} }]) {
      const { result } = (await pay({}, capabilities)).json;
      expect([result?.['resultType'], typeof result?.['requestState'], result?.['inputRequests']]).toEqual([
        'input_required',
        'string',
        undefined,
      ]);
    }
  });

  test('without a configured page nobody is shown one', async () => {
    await start({ page: undefined });
    expect((await pay()).json.result?.['inputRequests']).toBeUndefined();
  });

  test('is asked again when nobody answered while it waited', async () => {
    await start({ waitMs: 50 });
    const again = last(await pay({ requestState: stateOf(await pay()) }));
    expect(again.result).toMatchObject({
      resultType: 'input_required',
      _meta: { 'portcullis/hold': { approval_id: 'approval-1' } },
    });
  });

  test('what it brought back for the server travels in ours, and goes to the server as it was', async () => {
    await start();
    const theirs = {
      requestState: 'of the server',
      inputResponses: { colour: { action: 'accept', content: { c: 'green' } } },
    };
    const held = await pay(theirs);
    expect(held.text).not.toContain('of the server');
    people.approve();
    const done = await pay({ requestState: stateOf(held) });
    expect(last(done).result).toBeDefined();
    const { params } = JSON.parse(String(upstream.requests.at(-1)?.body)) as { params: object };
    expect(params).toMatchObject(theirs);
    expect(people.asked.at(-1)?.tool?.attributes).toEqual(people.asked[0]?.tool?.attributes);
  });

  test('whose user does not want to see the page is told of the hold at once', async () => {
    await start();
    const state = stateOf(await pay());
    const { error } = last(
      await pay({ requestState: state, inputResponses: { 'portcullis.approval': { action: 'decline' } } }),
    );
    expect([error?.code, error?.data?.['hold']]).toEqual([
      -31428,
      expect.objectContaining({ approval_id: 'approval-1' }),
    ]);
  });

  test.each<[string, (state: string) => object]>([
    ['changed', (state) => ({ requestState: `${state.slice(0, -2)}${state.endsWith('AA') ? 'BB' : 'AA'}` })],
    ['made up', () => ({ requestState: 'portcullis.held.1.AAAA' })],
    ['of other arguments', (state) => ({ requestState: state, arguments: { to: 'eve' } })],
    ['of another tool', (state) => ({ requestState: state, name: 'pay', task: {} })],
  ])('with a state that is %s is refused, and nobody is asked', async (_what, params) => {
    await start();
    const state = stateOf(await pay());
    people.approve();
    const { error } = last(await pay(params(state)));
    expect([error?.code, error?.message]).toEqual([-32602, expect.stringContaining('requestState')]);
    expect([people.asked.length, calls()]).toEqual([1, 0]);
  });

  test('with a state that has expired is refused', async () => {
    await start();
    people.expiresInMs = 1;
    const state = stateOf(await pay());
    const sealedAt = Date.now();
    await until(() => Date.now() > sealedAt + 5);
    people.approve();
    const { error } = last(await pay({ requestState: state }));
    expect([error?.code, error?.message]).toEqual([-32602, expect.stringContaining('expired')]);
    expect(calls()).toBe(0);
  });

  test('with a state that was used is refused, and people are not asked again', async () => {
    await start();
    const state = stateOf(await pay());
    people.approve();
    expect(last(await pay({ requestState: state })).result).toBeDefined();
    const { error } = last(await pay({ requestState: state }));
    expect([error?.code, error?.message]).toEqual([-32602, expect.stringContaining('used up')]);
    expect([calls(), people.open.size]).toEqual([1, 0]);
  });

  test('ten retries at once: one is carried out, and nobody is asked a second time', async () => {
    await start();
    const state = stateOf(await pay());
    people.approve();
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, id) => pay({ requestState: state }, URL_CLIENT, id)),
    );
    expect(answers.filter((answer) => last(answer).result !== undefined).length).toBe(1);
    expect([calls(), people.used, people.open.size]).toEqual([1, ['approval-1'], 0]);
  });

  test('a refusal of people ends the waiting', async () => {
    await start();
    const retried = pay({ requestState: stateOf(await pay()) });
    await until(() => harness.news.waiting === 1);
    people.refused = true;
    harness.news.told('pdp-1', 1);
    expect(last(await retried).error?.data?.['code']).toBe('APPROVAL_REFUSED');
    expect(calls()).toBe(0);
  });
});

describe('a client of 2025-11-25', () => {
  test('waits, is told so, and gets the result once people agreed', async () => {
    await start({ progressMs: 100 });
    const waiting = payLegacy(1, { progressToken: 'p' });
    await until(() => harness.news.waiting === 1);
    const waitedSince = Date.now();
    await until(() => Date.now() > waitedSince + 250);
    people.approve();
    harness.news.told('pdp-1', 1);
    const told = messages(await waiting) as readonly { method?: string; params?: { progress: number } }[];
    const progress = told
      .filter(({ method }) => method === 'notifications/progress')
      .map(({ params }) => params?.progress ?? 0);
    expect(progress.length).toBeGreaterThan(0);
    expect(progress).toEqual(progress.toSorted((a, b) => a - b));
    expect(told.at(-1)).toMatchObject({ id: 1, result: {} });
    expect(calls()).toBe(1);
  });

  test('asks the very same question again while it waits', async () => {
    await start({ pollMs: 100, waitMs: 450 });
    await payLegacy();
    expect(people.asked.length).toBeGreaterThan(1);
    expect(new Set(people.asked.map((request) => JSON.stringify(request))).size).toBe(1);
    // It is one attempt.
    expect(await harness.registry.metrics()).toContain('attempts_total{source="mcp_proxy",outcome="held"} 1\n');
  });

  test('gets an error with the approval after the wait; made again, the call attaches to it', async () => {
    await start({ waitMs: 50 });
    const { error } = last(await payLegacy());
    expect([error?.code, error?.data?.['hold']]).toEqual([
      -31428,
      expect.objectContaining({ approval_id: 'approval-1' }),
    ]);
    people.approve();
    expect(last(await payLegacy(2)).result).toBeDefined();
    expect([calls(), people.used]).toEqual([1, ['approval-1']]);
  });

  test('that goes away while it waits leaves the approval to its next attempt', async () => {
    await start();
    const body = JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: { name: 'pay', arguments: { to: 'bob' } },
    });
    const headers = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
    const leaving = httpRequest({ port: harness.port, host: '127.0.0.1', path: '/mcp/files', method: 'POST', headers });
    leaving.on('error', () => undefined);
    leaving.end(body);
    await once(leaving, 'response');
    await until(() => harness.news.waiting === 1);
    leaving.destroy();
    await until(() => harness.news.waiting === 0);
    people.approve();
    harness.news.told('pdp-1', 1);
    expect([calls(), people.used]).toEqual([0, []]);
    expect(last(await payLegacy()).result).toBeDefined();
    expect(calls()).toBe(1);
  });

  test('that cancels ends the waiting, and nothing goes to the server any more', async () => {
    await start();
    const waiting = payLegacy(7);
    await until(() => harness.news.waiting === 1);
    const cancel = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 7 } };
    await harness.post(cancel, ['mcp-protocol-version', '2025-11-25', 'mcp-session-id', 's-1']);
    people.approve();
    harness.news.told('pdp-1', 1);
    expect(last(await waiting).error).toBeDefined();
    expect([calls(), people.used]).toEqual([0, []]);
  });

  test.each([
    ['while its call is decided', ['tools/call', 'notifications/cancelled']],
    ['before its call was read', ['notifications/cancelled', 'tools/call']],
  ])('that cancels %s ends the waiting as well', async (_when, order) => {
    await start();
    const decided = Promise.withResolvers<void>();
    client.behaviour = async (request) => {
      if (request.tool?.operation === 'tools/call') await decided.promise;
      return people.behaviour(request);
    };
    const cancel = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 7 } };
    const sent = new Map<string, Promise<Answered>>();
    for (const method of order) {
      const headers = ['mcp-protocol-version', '2025-11-25', 'mcp-session-id', 's-1'];
      sent.set(method, method === cancel.method ? harness.post(cancel, headers) : payLegacy(7));
      await until(() => client.asked.some(({ tool }) => tool?.operation === method));
    }
    let isAnswered = false;
    const answered = sent.get('tools/call')?.finally(() => {
      isAnswered = true;
    });
    decided.resolve();
    await until(() => isAnswered || harness.news.waiting === 1);
    people.approve();
    harness.news.told('pdp-1', 1);
    expect(last((await answered) as Answered).error).toBeDefined();
    expect([calls(), people.used]).toEqual([0, []]);
    await Promise.all(sent.values());
  });

  test('whose earlier attempt still waits takes its place', async () => {
    await start();
    const first = payLegacy(1);
    await until(() => harness.news.waiting === 1);
    const second = payLegacy(2);
    expect(last(await first).error?.message).toContain('a later attempt');
    people.approve();
    harness.news.told('pdp-1', 1);
    expect(last(await second).result).toBeDefined();
    expect([calls(), people.used]).toEqual([1, ['approval-1']]);
  });

  test('without room to wait is told at once', async () => {
    await start({ maxWaiting: 1 });
    const waiting = payLegacy(1);
    await until(() => harness.news.waiting === 1);
    const params = { name: 'pay', arguments: { to: 'eve' } };
    const { error } = (await harness.post({ jsonrpc: '2.0', id: 2, method: 'tools/call', params })).json;
    expect(error?.code).toBe(-31428);
    people.approve();
    harness.news.told('pdp-1', 1);
    await waiting;
  });

  test('an approval that nobody gave in time is not asked for again by waiting', async () => {
    await start({ pollMs: 100 });
    people.expiresInMs = 120;
    const { error } = last(await payLegacy());
    expect(error?.message).toContain('nobody approved this in time');
  });
});

describe('the answer of the server to a call that waited', () => {
  const said = (id: number, extra: object = {}): object => ({ jsonrpc: '2.0', id, result: { said: true, ...extra } });

  test.each<[string, Script, object]>([
    [
      'in JSON over several lines',
      (_request, response) => {
        response.writeHead(200, { 'content-type': 'application/json' });
        response.end(JSON.stringify(said(1), null, 2).replaceAll('\n', '\r\n'));
      },
      { result: { said: true } },
    ],
    [
      'in a stream of its own',
      (_request, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.end(`id: 1\ndata: ${JSON.stringify(said(1))}\n\n`);
      },
      { result: { said: true } },
    ],
    [
      'that is an HTTP error',
      (_request, response) => answerJson(response, { error: 'no' }, 500),
      { error: { data: { code: 'UPSTREAM_FAILED' } } },
    ],
    [
      'that is a JSON-RPC error with a status',
      (_request, response) =>
        answerJson(response, { jsonrpc: '2.0', id: 1, error: { code: -32000, message: 'no' } }, 400),
      { error: { code: -32000 } },
    ],
    [
      'that breaks off',
      (_request, response) => void response.destroy(),
      { error: { data: { code: 'UPSTREAM_FAILED' } } },
    ],
  ])('%s is the last event', async (_how, script, expected) => {
    await start();
    upstream.script = script;
    const waiting = payLegacy(1);
    await until(() => harness.news.waiting === 1);
    people.approve();
    harness.news.told('pdp-1', 1);
    const answered = await waiting;
    expect(answered.headers['content-type']).toBe('text/event-stream');
    const told = messages(answered).filter(({ id }) => id === 1);
    expect(told).toEqual([expect.objectContaining({ id: 1 })]);
    expect(told[0]).toMatchObject(expected);
    expect(calls()).toBe(1);
  });

  test('is JSON where the client takes nothing else', async () => {
    await start();
    const params = { name: 'pay', arguments: { to: 'bob' } };
    const waiting = harness.send({
      headers: ['content-type', 'application/json', 'accept', 'application/json'],
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params }),
    });
    await until(() => harness.news.waiting === 1);
    people.approve();
    harness.news.told('pdp-1', 1);
    const answered = await waiting;
    expect([answered.headers['content-type'], answered.json.result]).toEqual(['application/json', expect.any(Object)]);
  });
});

describe('whatever else happens while a call waits', () => {
  test('a sidecar that ends answers it at once', async () => {
    await start();
    const waiting = payLegacy();
    await until(() => harness.news.waiting === 1);
    harness.holds.close();
    expect(last(await waiting).error?.data?.['hold']).toMatchObject({ approval_id: 'approval-1' });
    expect(last(await payLegacy(2)).error?.code).toBe(-31428);
  });

  test('PDPs that cannot be asked are asked again', async () => {
    await start({ pollMs: 100 });
    const waiting = payLegacy();
    await until(() => harness.news.waiting === 1);
    client.behaviour = fail('PDP_UNAVAILABLE');
    const asked = client.asked.length;
    await until(() => client.asked.length > asked + 1);
    client.behaviour = people.behaviour;
    people.approve();
    expect(last(await waiting).result).toBeDefined();
    expect(calls()).toBe(1);
  });

  test('news that come while it is asked about are not missed', async () => {
    await start();
    let release = (): void => undefined;
    client.behaviour = async (request) => {
      const answer = people.behaviour(request);
      if (people.asked.length === 1) {
        await new Promise<void>((resolve) => {
          release = resolve;
        });
      }
      return answer;
    };
    const waiting = payLegacy();
    await until(() => people.asked.length === 1);
    people.approve();
    harness.news.told('pdp-1', 1);
    release();
    expect(last(await waiting).result).toBeDefined();
  });

  test('an approval that is void: who was shown its page is shown the new one, others wait on', async () => {
    await start({ pollMs: 100 });
    const shown = pay({ requestState: stateOf(await pay()) });
    await until(() => harness.news.waiting === 1);
    people.open.clear();
    expect(last(await shown).result).toMatchObject({
      inputRequests: { 'portcullis.approval': { params: { url: 'https://console.test/approvals/approval-3' } } },
    });
    const waiting = payLegacy();
    await until(() => harness.news.waiting === 1);
    people.open.clear();
    const asked = people.asked.length;
    await until(() => people.asked.length > asked);
    people.approve();
    expect(last(await waiting).result).toBeDefined();
    expect(calls()).toBe(1);
  });

  test("other people's answers, however many, are no reason to ask without end", async () => {
    await start();
    const waiting = payLegacy();
    await until(() => harness.news.waiting === 1);
    const since = Date.now();
    let told = 0;
    await until(() => {
      told += 1;
      harness.news.told('pdp-1', told);
      return Date.now() > since + 450;
    });
    expect(told).toBeGreaterThan(20);
    expect(people.asked.length).toBeLessThan(8);
    people.approve();
    harness.news.told('pdp-1', 0);
    expect(last(await waiting).result).toBeDefined();
  });

  test('what else is held gets the error at once, with the approval', async () => {
    await start();
    const behaviour = people.behaviour;
    client.behaviour = (request) => behaviour({ ...request, tool: { ...request.tool, name: 'pay' } });
    const { error } = (await harness.post({ jsonrpc: '2.0', id: 1, method: 'prompts/get', params: { name: 'p' } }))
      .json;
    expect([error?.code, error?.data?.['hold']]).toEqual([
      -31428,
      expect.objectContaining({ approval_id: 'approval-1' }),
    ]);
  });
});
