/** Sessions with the endpoint of all servers, by hand: ids of others, and what servers make of theirs. */

import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { allow, deny, denyOnly, fakePolicyClient } from '../../../testing/fake-policy-client.js';
import { type Answered, type Harness, startHarness } from '../../../testing/proxy-harness.js';
import {
  answerJson,
  type Recorded,
  type RecordingUpstream,
  recordingUpstream,
} from '../../../testing/recording-upstream.js';
import { MAX_SESSIONS } from '../sessions.js';
import { createClients } from './clients.js';
import type { Connections } from './connections.js';
import { createRunning } from './running.js';

const client = fakePolicyClient();
let harness: Harness;
let servers: Record<'a' | 'b', RecordingUpstream>;
/** The id that a server gives a session. */
let sessionOf: (name: string) => string;
/** What a server says that it can do. */
let capabilities: object;
/** What a server does with a call, before its answer. */
let during: (name: string, response: ServerResponse) => Promise<void> | void;

interface Message {
  readonly id?: string | number;
  readonly method?: string;
  readonly params?: Record<string, unknown>;
  readonly result?: unknown;
  readonly error?: { readonly code: number };
}
const messagesOf = (server: RecordingUpstream): Message[] =>
  server.requests.flatMap(({ body }) => (body === '' ? [] : [JSON.parse(body) as Message]));
const sse = (message: object, id?: string): string =>
  `${id === undefined ? '' : `id: ${id}\n`}data: ${JSON.stringify({ jsonrpc: '2.0', ...message })}\n\n`;

const start = (name: string): Promise<RecordingUpstream> =>
  recordingUpstream(async ({ method: verb, body }: Recorded, response) => {
    if (verb === 'GET') return void response.writeHead(405).end();
    if (verb === 'DELETE') return void response.writeHead(200).end();
    const { id, method } = JSON.parse(body) as Message;
    if (id === undefined || method === undefined) return void response.writeHead(202).end();
    if (method === 'initialize') {
      response.setHeader('mcp-session-id', sessionOf(name));
      const result = { protocolVersion: '2025-06-18', capabilities, serverInfo: { name } };
      return answerJson(response, { jsonrpc: '2.0', id, result });
    }
    response.writeHead(200, { 'content-type': 'text/event-stream', 'mcp-session-id': `own-${name}` });
    await during(name, response);
    return void response.end(sse({ id, result: { content: [{ type: 'text', text: name }] } }, 'e-last'));
  });

beforeEach(async () => {
  client.behaviour = allow();
  client.asked.length = 0;
  during = () => undefined;
  capabilities = { tools: {} };
  sessionOf = (name) => `own-${name}`;
  servers = { a: await start('a'), b: await start('b') };
  harness = await startHarness({
    client,
    upstreamUrl: 'http://127.0.0.1:9/mcp',
    upstreams: Object.entries(servers).map(([name, { url }]) => ({ name, url })),
    combined: true,
  });
});
afterEach(async () => {
  await harness.close();
  await Promise.all(Object.values(servers).map((server) => server.close()));
});

const post = (message: object, session?: string): Promise<Answered> =>
  harness.send({
    path: '/mcp',
    headers: [
      ...['content-type', 'application/json', 'accept', 'application/json, text/event-stream'],
      ...(session === undefined ? [] : ['mcp-session-id', session, 'mcp-protocol-version', '2025-11-25']),
    ],
    body: JSON.stringify({ jsonrpc: '2.0', ...message }),
  });
const HELLO = {
  protocolVersion: '2025-11-25',
  capabilities: { elicitation: {} },
  clientInfo: { name: 't', version: '1' },
};
const begin = async (): Promise<string> => {
  const { headers } = await post({ id: 0, method: 'initialize', params: HELLO });
  return String(headers['mcp-session-id']);
};
const call = (id: number, name: string) => ({ id, method: 'tools/call', params: { name, arguments: {} } });
const eventsOf = ({ text }: Answered): Message[] =>
  text
    .split('\n')
    .filter((line) => line.startsWith('data: '))
    .map((line) => JSON.parse(line.slice(6)) as Message);
const eventually = async (what: () => boolean): Promise<void> => {
  while (!what()) await new Promise((resolve) => setTimeout(resolve, 2));
};

describe('a session', () => {
  test('is one here and one at each server, and neither hears of the other', async () => {
    const session = await begin();
    expect(session).toMatch(/^[0-9a-f-]{36}$/);
    const answer = await post(call(1, 'a__x'), session);
    expect(answer.headers).not.toHaveProperty('mcp-session-id');
    expect(answer.text).not.toContain('e-last');
    const { headers, rawHeaders } = servers.a.requests.at(-1) ?? {};
    expect([headers?.['mcp-session-id'], headers?.['mcp-protocol-version']]).toEqual(['own-a', '2025-06-18']);
    expect(JSON.stringify([rawHeaders, messagesOf(servers.a)])).not.toContain(session);
    expect(messagesOf(servers.a).map(({ method }) => method)).toEqual([
      'initialize',
      'notifications/initialized',
      'tools/call',
    ]);
    const asked = client.asked.map(({ tool }) => `${tool?.server} ${tool?.operation}`);
    expect(asked).toEqual(expect.arrayContaining(['a initialize', 'b initialize', 'a notifications/initialized']));
  });

  test.each([
    ['of nobody', 'stolen', 404],
    ['of a server', 'own-a', 404],
    ['that was not begun', undefined, 400],
  ])('%s is none, and nothing is asked', async (_what, session, status) => {
    await begin();
    client.asked.length = 0;
    expect((await post(call(1, 'a__x'), session)).status).toBe(status);
    for (const method of ['GET', 'DELETE']) {
      const headers = session === undefined ? [] : ['mcp-session-id', session];
      expect((await harness.send({ path: '/mcp', method, headers })).status).toBe(status);
    }
    expect(client.asked).toEqual([]);
  });

  test('that may not begin at a server is not begun there', async () => {
    client.behaviour = (request) => (request.tool?.server === 'b' ? denyOnly('initialize') : allow())(request);
    const session = await begin();
    expect((await post(call(1, 'b__x'), session)).json.error?.code).toBe(-31502);
    expect(servers.b.requests).toEqual([]);
    expect(eventsOf(await post(call(2, 'a__x'), session))).toMatchObject([{ id: 2 }]);
  });

  test('begins with what servers can do, and with no words of theirs, which nobody would redact', async () => {
    const said = 'card 4111111111111111';
    capabilities = {
      tools: { listChanged: said },
      resources: { subscribe: true, listChanged: { said } },
      logging: { said },
      tasks: { list: { said }, requests: { tools: { call: { said } }, [said]: {} } },
    };
    const { json } = await post({ id: 0, method: 'initialize', params: HELLO });
    expect(json.result?.['capabilities']).toEqual({
      tools: {},
      resources: { subscribe: true },
      logging: {},
      tasks: { list: {}, requests: { tools: { call: {} } } },
    });
  });

  test('of a client that says too much of itself is not begun', async () => {
    const clientInfo = { ...HELLO.clientInfo, title: 'x'.repeat(70_000) };
    const { headers, json } = await post({ id: 0, method: 'initialize', params: { ...HELLO, clientInfo } });
    expect(headers).not.toHaveProperty('mcp-session-id');
    expect(json.error).toMatchObject({ code: -32602, message: expect.stringContaining('65536 bytes') });
    expect([...servers.a.requests, ...servers.b.requests]).toEqual([]);
  });

  test('with an id that is none is not begun there', async () => {
    sessionOf = () => `x${'y'.repeat(2000)}`;
    const session = await begin();
    expect((await post(call(1, 'a__x'), session)).json.error?.code).toBe(-31502);
    expect(messagesOf(servers.a).map(({ method }) => method)).toEqual(['initialize']);
  });

  test('ends at the servers as well', async () => {
    const session = await begin();
    const headers = ['mcp-session-id', session];
    expect((await harness.send({ path: '/mcp', method: 'DELETE', headers })).status).toBe(200);
    expect((await post(call(1, 'a__x'), session)).status).toBe(404);
    expect(Object.values(servers).map(({ requests }) => requests.at(-1)?.method)).toEqual(['DELETE', 'DELETE']);
  });

  test('that is ended ends its stream, and does not begin again', async () => {
    const streams: ServerResponse[] = [];
    for (const server of [servers.a, servers.b]) {
      const { script } = server;
      server.script = (request, response) => {
        if (request.method !== 'GET') return script(request, response);
        response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
        streams.push(response);
      };
    }
    const session = await begin();
    const listening = harness.send({
      path: '/mcp',
      method: 'GET',
      headers: ['mcp-session-id', session, 'accept', 'text/event-stream'],
    });
    await eventually(() => streams.length === 2);
    await harness.send({ path: '/mcp', method: 'DELETE', headers: ['mcp-session-id', session] });
    expect((await listening).status).toBe(200);
    await eventually(() => streams.every(({ destroyed }) => destroyed));
    expect(messagesOf(servers.a).filter(({ method }) => method === 'initialize')).toHaveLength(1);
  });

  test('that is forgotten, for others, is ended; who came back last is not', () => {
    const clients = createClients();
    const ended: string[] = [];
    const connections = (id: string) => ({ id, end: () => ended.push(id) }) as unknown as Connections;
    for (let id = 0; id < MAX_SESSIONS; id += 1) clients.begin(connections(`c${id}`));
    expect([clients.of('c0')?.connections.id, ended]).toEqual(['c0', []]);
    clients.begin(connections('new'));
    expect([clients.of('c1'), clients.of('c0')?.connections.id, ended]).toEqual([undefined, 'c0', ['c1']]);
  });

  test('takes no answers, no progress and no cancellation that are not of its own', async () => {
    const session = await begin();
    const before = [...servers.a.requests, ...servers.b.requests].length;
    for (const id of [5, 'portcullis-1', 'constructor']) {
      expect((await post({ id, result: {} }, session)).status).toBe(400);
    }
    const told = (method: string, params: object) => post({ method, params }, session);
    expect((await told('notifications/progress', { progressToken: 'x', progress: 1 })).status).toBe(202);
    expect((await told('notifications/cancelled', { requestId: 77 })).status).toBe(202);
    expect((await told('notifications/tasks/status', { taskId: 't' })).json.error?.code).toBe(-32601);
    expect([...servers.a.requests, ...servers.b.requests]).toHaveLength(before);
  });
});

describe('what servers ask', () => {
  const question = { id: 5, method: 'elicitation/create', params: { message: 'm' } };
  const answered = (server: RecordingUpstream): Message[] =>
    messagesOf(server).filter(({ method }) => method === undefined);
  /** Both ask at once, under one id, and wait for their answers. */
  const askBoth = (): void => {
    during = async (name, response) => {
      response.write(sse(question, 'e-1'));
      await eventually(() => answered(servers[name as 'a' | 'b']).length > 0);
    };
  };

  test('under one id is answered to the one that asked, and once', async () => {
    askBoth();
    const session = await begin();
    const seen: Record<string, Message> = {};
    const asking = ['a', 'b'].map(async (name, index) => {
      const before = client.asked.length;
      const running = post(call(index + 1, `${name}__x`), session);
      await eventually(() =>
        client.asked.slice(before).some(({ tool }) => tool?.server === name && tool.operation === question.method),
      );
      return running;
    });
    // What the client was asked is in streams that have not ended: its ids are those that were made in turn.
    await eventually(() => client.asked.filter(({ tool }) => tool?.operation === question.method).length === 2);
    const first = client.asked.find(({ tool }) => tool?.operation === question.method)?.tool?.server as 'a' | 'b';
    const second = first === 'a' ? 'b' : 'a';
    expect((await post({ id: 5, result: {} }, session)).status).toBe(400);
    const other = await begin();
    expect((await post({ id: 'portcullis-1', result: {} }, other)).status).toBe(400);
    const accept = (id: string, who: string) => post({ id, result: { action: 'accept', content: { who } } }, session);
    expect((await accept('portcullis-2', second)).status).toBe(202);
    expect((await accept('portcullis-2', 'twice')).status).toBe(400);
    expect((await accept('portcullis-1', first)).status).toBe(202);
    for (const answer of await Promise.all(asking)) {
      const [asked, result] = eventsOf(answer);
      seen[String(asked?.id)] = result ?? {};
    }
    expect(Object.keys(seen).sort()).toEqual(['portcullis-1', 'portcullis-2']);
    for (const name of ['a', 'b'] as const) {
      expect(answered(servers[name])).toEqual([
        { jsonrpc: '2.0', id: 5, result: { action: 'accept', content: { who: name } } },
      ]);
    }
  });

  test('is not answered any more by an agent that was stopped meanwhile', async () => {
    during = (_name, response) => void response.write(sse(question));
    const session = await begin();
    await post(call(1, 'a__x'), session);
    client.behaviour = deny({ code: 'KILL_SWITCH', message: 'stopped' });
    harness.killEpoch('pdp-1', 5);
    expect((await post({ id: 'portcullis-1', result: {} }, session)).status).toBe(403);
    expect(answered(servers.a)).toEqual([]);
  });

  test('and may not is told to it under its own id', async () => {
    client.behaviour = denyOnly('elicitation/create');
    askBoth();
    const session = await begin();
    const answer = await post(call(1, 'b__x'), session);
    expect(eventsOf(answer)).toMatchObject([{ id: 1, result: {} }]);
    expect(answered(servers.b)).toMatchObject([{ id: 5, error: { code: -31403 } }]);
    expect(answered(servers.a)).toEqual([]);
  });

  test('and take back is taken back under the id that the client knows; what another asked is not', async () => {
    const cancelled = (requestId: number) => sse({ method: 'notifications/cancelled', params: { requestId } });
    during = (name, response) => {
      if (name === 'a') response.write(sse(question));
      response.write(cancelled(5));
      response.write(cancelled(6));
    };
    const session = await begin();
    expect(eventsOf(await post(call(1, 'a__x'), session)).map(({ params }) => params?.['requestId'])).toEqual([
      undefined,
      'portcullis-1',
      undefined,
    ]);
    expect(eventsOf(await post(call(2, 'b__x'), session))).toHaveLength(1);
  });

  test('cannot be answered once its session there is over', async () => {
    during = (_name, response) => void response.write(sse(question));
    const session = await begin();
    await post(call(1, 'a__x'), session);
    const { script } = servers.a;
    servers.a.script = (_request, response) => void response.writeHead(404).end();
    expect((await post(call(2, 'a__x'), session)).json.error?.code).toBe(-31502);
    servers.a.script = script;
    expect((await post({ id: 'portcullis-1', result: {} }, session)).status).toBe(400);
    expect(eventsOf(await post(call(3, 'a__x'), session)).at(-1)).toMatchObject({ id: 3, result: {} });
  });
});

describe('a request that is cancelled', () => {
  test('while it is looked up where it goes goes nowhere', async () => {
    const looked = Promise.withResolvers<void>();
    const { script } = servers.a;
    servers.a.script = async (request, response) => {
      const { id, method } = JSON.parse(request.body) as Message;
      if (method?.endsWith('/list') !== true) return script(request, response);
      await looked.promise;
      return answerJson(response, { jsonrpc: '2.0', id, result: { resources: [{ uri: 'a://1' }] } });
    };
    const session = await begin();
    const reading = post({ id: 1, method: 'resources/read', params: { uri: 'a://1' } }, session);
    await eventually(() => messagesOf(servers.a).some(({ method }) => method === 'resources/list'));
    const cancelled = await post({ method: 'notifications/cancelled', params: { requestId: 1 } }, session);
    expect(cancelled.status).toBe(202);
    looked.resolve();
    expect((await reading).json.error?.message).toContain('cancelled');
    expect(messagesOf(servers.a).map(({ method }) => method)).not.toContain('resources/read');
  });

  test('before it is read goes nowhere; one that does not come is not waited for', async () => {
    const running = createRunning();
    const cancelling = running.cancel(1);
    expect([running.begin(1)?.aborted, running.begin(1)]).toEqual([false, undefined]);
    expect([await cancelling, running.goes(1, 'a')]).toEqual([undefined, false]);
    running.end(1);
    expect(await running.cancel(1)).toBeUndefined();
    const unwanted = running.begin(1);
    expect([running.goes(1, 'b'), await running.cancel(1), unwanted?.aborted]).toEqual([true, 'b', true]);
  });
});

test('a server whose end of a session has no end is not read on', async () => {
  const session = await begin();
  let isClosed = false;
  servers.a.script = (_request, response) => {
    response.on('close', () => {
      isClosed = true;
    });
    response.writeHead(404).write('x');
  };
  expect((await post(call(1, 'a__x'), session)).json.error?.code).toBe(-31502);
  await eventually(() => isClosed);
});

test("what mirrors no request of its own does not go on beside a client's answer", async () => {
  during = async (_name, response) => {
    response.write(sse({ id: 5, method: 'elicitation/create', params: { message: 'm' } }));
    await eventually(() => messagesOf(servers.a).some(({ method }) => method === undefined));
  };
  const session = await begin();
  const running = post(call(1, 'a__x'), session);
  await eventually(() => client.asked.some(({ tool }) => tool?.operation === 'elicitation/create'));
  const mirrors = ['mcp-method', 'tools/call', 'mcp-name', 'delete', 'mcp-param-path', '/etc'];
  let status = 0;
  // The question is on its way to the client once it was allowed.
  while (status !== 202) {
    ({ status } = await harness.send({
      path: '/mcp',
      headers: ['content-type', 'application/json', 'mcp-session-id', session, ...mirrors],
      body: JSON.stringify({ jsonrpc: '2.0', id: 'portcullis-1', result: {} }),
    }));
  }
  await running;
  const answer = servers.a.requests.find(({ body }) => body.includes('"result"'));
  expect(Object.keys(answer?.headers ?? {}).filter((name) => /^mcp-(?:method|name|param-)/.test(name))).toEqual([]);
});

test('an id in use is refused, whichever server it is for', async () => {
  let release = (): void => undefined;
  during = () =>
    new Promise((resolve) => {
      release = resolve;
    });
  const session = await begin();
  const running = post(call(1, 'a__x'), session);
  await eventually(() => messagesOf(servers.a).some(({ method }) => method === 'tools/call'));
  expect((await post(call(1, 'b__x'), session)).json.error?.code).toBe(-32600);
  release();
  expect(eventsOf(await running)).toMatchObject([{ id: 1 }]);
});
