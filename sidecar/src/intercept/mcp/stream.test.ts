/** What servers answer: streams, wrong answers, server requests, sessions; and that no two agents' answers cross. */

import { once } from 'node:events';
import {
  Agent,
  type ClientRequest,
  request as httpRequest,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { createServer, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { RPC_CODE } from '../../enforce/refuse.js';
import { allow, denyOnly, fakePolicyClient } from '../../testing/fake-policy-client.js';
import { type Harness, startHarness } from '../../testing/proxy-harness.js';
import { answerJson, echo, type RecordingUpstream, recordingUpstream } from '../../testing/recording-upstream.js';

const client = fakePolicyClient();
let upstream: RecordingUpstream;
let harness: Harness;

beforeEach(async () => {
  client.behaviour = allow();
  client.asked.length = 0;
  client.settled.length = 0;
  upstream = await recordingUpstream();
  harness = await startHarness({
    client,
    upstreamUrl: upstream.url,
    limits: { maxEventBytes: 2048, maxResponseBytes: 4096, answerTimeoutMs: 500 },
  });
});
afterEach(async () => {
  await harness.close();
  await upstream.close();
});

const CALL = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'read', arguments: {} } };
const ANSWER = { jsonrpc: '2.0', id: 1, result: { content: [] } };
const NOTE = { jsonrpc: '2.0', method: 'notifications/message', params: { level: 'info', data: 'x' } };
const event = (message: unknown, extra = ''): string => `${extra}data: ${JSON.stringify(message)}\n\n`;

/** Answers with these bytes as an event stream. */
const streams =
  (...parts: readonly (string | Buffer)[]) =>
  (_request: unknown, response: ServerResponse): void => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const part of parts) response.write(part);
    response.end();
  };

/** Opens a request and hands back its answer before the body is there. */
async function open(
  method: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<[ClientRequest, IncomingMessage]> {
  const outgoing = httpRequest(harness.url, {
    method,
    agent: false,
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream', ...headers },
  });
  outgoing.end(body === undefined ? undefined : JSON.stringify(body));
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
  return [outgoing, incoming];
}

describe('event streams', () => {
  test('the first event arrives while the upstream is still open', async () => {
    let finish = (): void => undefined;
    upstream.script = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(event(NOTE));
      finish = () => response.end(event(ANSWER));
    };
    const [, incoming] = await open('POST', CALL);
    const [first] = (await once(incoming, 'data')) as [Buffer];
    expect(first.toString()).toBe(event(NOTE));
    finish();
    const rest: Buffer[] = [];
    for await (const chunk of incoming) rest.push(chunk as Buffer);
    expect(Buffer.concat(rest).toString()).toBe(event(ANSWER));
    expect(client.settled).toMatchObject([{ outcome: 'forwarded' }]);
  });

  test.each([
    ['LF', '\n'],
    ['CRLF', '\r\n'],
    ['CR', '\r'],
  ])('original bytes pass with %s', async (_name, eol) => {
    const bytes = `: hello${eol}${eol}id: 1${eol}data:${eol}${eol}retry: 10${eol}${eol}event: message${eol}data: ${JSON.stringify(NOTE)}${eol}${eol}data: ${JSON.stringify(ANSWER)}${eol}${eol}`;
    upstream.script = streams(...[...Buffer.from(bytes)].map((byte) => Buffer.from([byte])));
    expect((await harness.post(CALL)).text).toBe(bytes);
  });

  test('a character that is split over two chunks survives', async () => {
    const bytes = Buffer.from(event({ ...NOTE, params: { level: 'info', data: 'дом😀' } }) + event(ANSWER));
    upstream.script = streams(...[...bytes].map((byte) => Buffer.from([byte])));
    expect((await harness.post(CALL)).text).toBe(bytes.toString());
  });

  test.each<[string, readonly (string | Buffer)[], string]>([
    ['a wrong id', [event({ ...ANSWER, id: 2 })], 'a response to a request that was not made here'],
    ['an id of another type', [event({ ...ANSWER, id: '1' })], 'a response to a request that was not made here'],
    ['an answer without id', [event({ jsonrpc: '2.0', error: { code: 1, message: 'x' } })], 'a response to'],
    ['not JSON', ['data: nope\n\n'], 'not acceptable JSON'],
    ['a duplicate key', ['data: {"jsonrpc":"2.0","id":1,"id":1,"result":{}}\n\n'], 'not acceptable JSON'],
    ['a batch', [`data: [${JSON.stringify(ANSWER)}]\n\n`], 'batches'],
    ['an event over the cap', [`data: ${'x'.repeat(5000)}\n\n`], 'larger than allowed'],
    ['an event that never ends', [`data: ${'x'.repeat(1500)}\n`, `data: ${'x'.repeat(1500)}\n`], 'larger than allowed'],
    ['an end without an answer', [event(NOTE)], 'ended without an answer'],
    [
      'invalid UTF-8',
      [Buffer.from('data: {"jsonrpc":"2.0","id":1,"result":{"a":"'), Buffer.from([0xff]), Buffer.from('"}}\n\n')],
      'not acceptable JSON',
    ],
  ])('%s ends the stream with an error for the request', async (_name, parts, reason) => {
    upstream.script = streams(...parts, event(NOTE));
    const { text } = await harness.post(CALL);
    const last = text.trim().split('\n\n').pop() ?? '';
    expect(JSON.parse(last.replace('data: ', ''))).toMatchObject({
      id: 1,
      error: { code: RPC_CODE.upstreamFailed, message: expect.stringContaining(reason) },
    });
    expect(client.settled).toMatchObject([{ outcome: 'upstream_failed' }]);
  });

  test('a second answer is not delivered', async () => {
    upstream.script = streams(event(ANSWER), event({ ...ANSWER, result: { evil: true } }), event(NOTE));
    expect((await harness.post(CALL)).text).toBe(event(ANSWER));
  });

  test('events of other types and unknown notifications are left out', async () => {
    const evil = { jsonrpc: '2.0', method: 'notifications/evil' };
    upstream.script = streams('event: endpoint\ndata: /elsewhere\n\n', event(evil), event(ANSWER));
    expect((await harness.post(CALL)).text).toBe(event(ANSWER));
  });

  test('a resumable stream may break off; its answer comes on the resumed one, once', async () => {
    const session = ['mcp-session-id', 's'];
    upstream.script = streams('id: e1\ndata:\n\n');
    expect((await harness.post(CALL, session)).text).toBe('id: e1\ndata:\n\n');
    upstream.script = streams(event(ANSWER), event(ANSWER));
    const resume = { method: 'GET', headers: ['accept', 'text/event-stream', ...session, 'last-event-id', 'e1'] };
    expect((await harness.send(resume)).text).toBe(event(ANSWER));
    expect(upstream.requests.at(-1)?.headers['last-event-id']).toBe('e1');
    expect((await harness.send(resume)).text).toBe('');
  });

  test('an answer on a stream that was not resumed is not delivered', async () => {
    upstream.script = streams(event(ANSWER));
    expect((await harness.send({ method: 'GET', headers: ['accept', 'text/event-stream'] })).text).toBe('');
  });

  test('a slow agent holds up the upstream, not our memory', async () => {
    let written = 0;
    let full = (): void => undefined;
    const filled = new Promise<void>((resolve) => {
      full = resolve;
    });
    const chunk = event({ ...NOTE, params: { level: 'info', data: 'x'.repeat(1000) } });
    upstream.script = async (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      for (let at = 0; at < 100_000; at += 1) {
        written += 1;
        if (!response.write(chunk)) {
          const drained = await Promise.race([
            once(response, 'drain').then(() => true),
            new Promise<boolean>((resolve) => setTimeout(() => resolve(false), 1_000)),
          ]);
          if (!drained) break;
        }
      }
      full();
    };
    const [outgoing, incoming] = await open('POST', CALL);
    incoming.pause();
    await filled;
    outgoing.destroy();
    expect(written).toBeLessThan(50_000);
  });

  test('when the agent leaves, the upstream is told; when the upstream leaves, the agent is', async () => {
    let left = (): void => undefined;
    const upstreamLeft = new Promise<void>((resolve) => {
      left = resolve;
    });
    upstream.script = (_request, response) => {
      response.on('close', left);
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(event(NOTE));
    };
    const [outgoing, incoming] = await open('POST', CALL);
    await once(incoming, 'data');
    outgoing.destroy();
    await upstreamLeft;

    upstream.script = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(event(NOTE), () => response.destroy());
    };
    expect((await harness.post(CALL)).text).toContain('broke off');
  });
});

describe('answers that are none', () => {
  test.each<[string, (response: ServerResponse) => void, number]>([
    ['a wrong id', (r) => answerJson(r, { ...ANSWER, id: 7 }), 200],
    ['a request', (r) => answerJson(r, CALL), 200],
    ['a notification', (r) => answerJson(r, NOTE), 200],
    ['HTML', (r) => r.writeHead(200, { 'content-type': 'text/html' }).end('<p>'), 200],
    ['nothing', (r) => r.writeHead(202).end(), 200],
    ['too much', (r) => answerJson(r, { ...ANSWER, result: { a: 'x'.repeat(9000) } }), 200],
    [
      'compressed',
      (r) => r.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' }).end('x'),
      200,
    ],
    ['a redirect', (r) => r.writeHead(302, { location: 'http://evil.example/' }).end(), 200],
    [
      'a challenge',
      (r) => r.writeHead(401, { 'www-authenticate': 'Bearer resource_metadata="http://evil"' }).end(),
      200,
    ],
    ['500 with HTML', (r) => r.writeHead(500, { 'content-type': 'text/html' }).end('<p>'), 500],
    [
      '400 about another id',
      (r) => answerJson(r, { jsonrpc: '2.0', id: 9, error: { code: 1, message: 'm' } }, 400),
      400,
    ],
    ['a reset connection', (r) => r.destroy(), 200],
    ['silence', () => undefined, 200],
  ])('%s', async (_name, script, status) => {
    upstream.script = (_request, response) => script(response);
    const answer = await harness.post(CALL);
    expect(answer.status).toBe(status);
    expect(answer.json).toMatchObject({ id: 1, error: { code: RPC_CODE.upstreamFailed } });
    expect(answer.headers['www-authenticate'] ?? answer.headers['location']).toBeUndefined();
    expect(client.settled).toMatchObject([{ outcome: 'upstream_failed' }]);
  });

  test.each([null, 1])('a 4xx with a JSON-RPC error (id %j) passes as it is', async (id) => {
    const body = { jsonrpc: '2.0', error: { code: -32001, message: 'Session not found' }, id };
    upstream.script = (_request, response) => answerJson(response, body, 404);
    const answer = await harness.post(CALL, ['mcp-session-id', 'gone']);
    expect({ status: answer.status, json: answer.json }).toEqual({ status: 404, json: body });
  });

  test('an extra response on an idle connection reaches nobody', async () => {
    let connections = 0;
    const evil = createServer((socket: Socket) => {
      connections += 1;
      socket.on('error', () => undefined);
      socket.on('data', () => {
        const body = JSON.stringify(ANSWER);
        const one = `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
        socket.write(one + one.replace('content":[]', 'content":[1'.concat(']')));
      });
    });
    evil.listen(0, '127.0.0.1');
    await once(evil, 'listening');
    const own = await startHarness({
      client,
      upstreamUrl: `http://127.0.0.1:${(evil.address() as AddressInfo).port}/`,
    });
    for (let at = 0; at < 5; at += 1) expect((await own.post(CALL)).text).toBe(JSON.stringify(ANSWER));
    expect(connections).toBe(5);
    await own.close();
    evil.close();
  });
});

describe('what the server asks', () => {
  const ASK = { jsonrpc: '2.0', id: 5, method: 'elicitation/create', params: { message: 'your password' } };
  const REPLY = { jsonrpc: '2.0', id: 5, result: { action: 'accept' } };
  const session = ['mcp-session-id', 's'];
  const asking = (response: ServerResponse): void => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.end(event(ASK) + event(ANSWER));
  };

  test('is delivered when permitted, and answered exactly once, in its session', async () => {
    upstream.script = (request, response) =>
      request.body.includes('tools/call') ? asking(response) : echo(request, response);
    expect((await harness.post(CALL, session)).text).toBe(event(ASK) + event(ANSWER));
    expect(client.asked.at(-1)).toMatchObject({
      kind: 'session',
      tool: { operation: 'elicitation/create', attributes: { direction: 'server_to_client' } },
    });
    expect((await harness.post(REPLY, ['mcp-session-id', 'other'])).status).toBe(400);
    expect((await harness.post({ ...REPLY, id: '5' }, session)).status).toBe(400);
    expect((await harness.post(REPLY, session)).status).toBe(202);
    expect((await harness.post(REPLY, session)).status).toBe(400);
    expect(upstream.requests.filter(({ body }) => body === JSON.stringify(REPLY))).toHaveLength(1);
  });

  test('is not delivered when denied; the server gets the error, the call goes on', async () => {
    client.behaviour = denyOnly('elicitation/create');
    const declined = new Promise<string>((resolve) => {
      upstream.script = (request, response) => {
        if (request.body.includes('tools/call')) return asking(response);
        resolve(request.body);
        response.writeHead(202).end();
      };
    });
    expect((await harness.post(CALL, session)).text).toBe(event(ANSWER));
    expect(JSON.parse(await declined)).toMatchObject({ id: 5, error: { code: RPC_CODE.denied } });
    expect((await harness.post(REPLY, session)).status).toBe(400);
  });

  test('an unknown request is declined without asking', async () => {
    upstream.script = (request, response) => {
      if (!request.body.includes('tools/call')) return void response.writeHead(202).end();
      streams(event({ ...ASK, method: 'shell/exec' }), event(ANSWER))(request, response);
    };
    expect((await harness.post(CALL, session)).text).toBe(event(ANSWER));
    expect(client.asked).toHaveLength(1);
  });

  const META = { 'io.modelcontextprotocol/protocolVersion': '2026-07-28' };
  const MODERN = { ...CALL, params: { ...CALL.params, _meta: META } };
  const MIRRORS = ['mcp-protocol-version', '2026-07-28', 'mcp-method', 'tools/call', 'mcp-name', 'read'];
  const wants = (method: string) => ({
    jsonrpc: '2.0',
    id: 1,
    result: { resultType: 'input_required', inputRequests: { a: { method, params: {} } }, requestState: 'x' },
  });

  test('in the modern era, a request on the stream ends it', async () => {
    upstream.script = (_request, response) => asking(response);
    expect((await harness.post(MODERN, MIRRORS)).text).toContain('servers of this revision send no requests');
  });

  test.each(['json', 'sse'])('in the modern era, input requests are decided too (%s)', async (form) => {
    const method = 'sampling/createMessage';
    upstream.script = (request, response) => {
      if (form === 'json') answerJson(response, wants(method));
      else streams(event(wants(method)))(request, response);
    };
    expect((await harness.post(MODERN, MIRRORS)).text).toContain('inputRequests');
    expect(client.asked.at(-1)).toMatchObject({ kind: 'inference', tool: { operation: method } });
    client.behaviour = denyOnly(method);
    const denied = await harness.post(MODERN, MIRRORS);
    expect(denied.text).not.toContain('inputRequests');
    expect(denied.text).toContain('POLICY_DENIED');
  });

  test.each(['complete', 'task', undefined])('a task asks for input in a result of type %s', async (resultType) => {
    const inputRequests = { a: { method: 'elicitation/create', params: { message: 'm' } } };
    const result = { resultType, taskId: 't', status: 'input_required', inputRequests };
    upstream.script = (_request, response) => answerJson(response, { jsonrpc: '2.0', id: 1, result });
    expect((await harness.post(MODERN, MIRRORS)).json.result).toMatchObject({ status: 'input_required' });
    expect(client.asked.at(-1)).toMatchObject({ tool: { operation: 'elicitation/create' } });
    client.behaviour = denyOnly('elicitation/create');
    expect((await harness.post(MODERN, MIRRORS)).json.error).toMatchObject({ code: RPC_CODE.denied });
  });

  test('so does a notification about it, which is dropped when that is denied', async () => {
    const inputRequests = { a: { method: 'elicitation/create', params: { message: 'm' } } };
    const told = { jsonrpc: '2.0', method: 'notifications/tasks', params: { taskId: 't', inputRequests } };
    const done = { jsonrpc: '2.0', id: 1, result: { resultType: 'complete', content: [] } };
    upstream.script = streams(event(told), event(done));
    expect((await harness.post(MODERN, MIRRORS)).text).toContain('notifications/tasks');
    client.behaviour = denyOnly('elicitation/create');
    const denied = await harness.post(MODERN, MIRRORS);
    expect(denied.text).not.toContain('notifications/tasks');
    expect(denied.text).toContain('"complete"');
  });

  test.each(['shell/exec', 'tools/call'])('an input request of unknown method %s is refused', async (method) => {
    upstream.script = (_request, response) => answerJson(response, wants(method));
    expect((await harness.post(MODERN, MIRRORS)).json.error).toMatchObject({ code: RPC_CODE.methodNotFound });
  });

  test('a result of unknown type is not delivered', async () => {
    upstream.script = (_request, response) =>
      answerJson(response, { jsonrpc: '2.0', id: 1, result: { resultType: 'evil' } });
    expect((await harness.post(MODERN, MIRRORS)).json.error).toMatchObject({ code: RPC_CODE.upstreamFailed });
  });
});

describe('sessions', () => {
  test('an id in use is refused, and never executed twice', async () => {
    let answer = (): void => undefined;
    const arrived = new Promise<void>((resolve) => {
      upstream.script = (request, response) => {
        answer = () => echo(request, response);
        resolve();
      };
    });
    const first = harness.post(CALL, ['mcp-session-id', 's']);
    await arrived;
    const second = await harness.post(CALL, ['mcp-session-id', 's']);
    expect(second.json.error?.code).toBe(RPC_CODE.invalidRequest);
    answer();
    expect((await first).status).toBe(200);
    expect(upstream.requests).toHaveLength(1);
  });

  test.each([
    ['allowed', allow(), ['tools/call', 'notifications/cancelled']],
    ['denied', denyOnly('tools/call'), ['notifications/cancelled']],
  ])('a cancellation does not overtake its call, which is then %s', async (_name, behaviour, arriving) => {
    const { promise: gate, resolve: release } = Promise.withResolvers<void>();
    const { promise: deciding, resolve: begun } = Promise.withResolvers<void>();
    client.behaviour = async (request) => {
      if (request.tool?.operation !== 'tools/call' || request.context.session_id !== 's') return allow()(request);
      begun();
      await gate;
      return behaviour(request);
    };
    const arrived = (): unknown[] =>
      upstream.requests.map(({ body }) => (JSON.parse(body) as { method: string }).method);
    const cancel = (requestId: number): unknown => ({
      jsonrpc: '2.0',
      method: 'notifications/cancelled',
      params: { requestId },
    });
    const roomy = await startHarness({ client, upstreamUrl: upstream.url, backstopMs: 60_000 });
    const call = roomy.post(CALL, ['mcp-session-id', 's']);
    await deciding;
    const cancellation = roomy.post(cancel(CALL.id), ['mcp-session-id', 's']);
    // One about another request, and one of another session, do not wait for it.
    await roomy.post(cancel(2), ['mcp-session-id', 's']);
    await roomy.post(cancel(CALL.id), ['mcp-session-id', 'other']);
    expect(arrived()).toEqual(['notifications/cancelled', 'notifications/cancelled']);
    release();
    await Promise.all([call, cancellation]);
    expect(arrived().slice(2)).toEqual(arriving);
    await roomy.close();
  });

  test('a cancellation that comes before its call waits for it a little', async () => {
    const cancel = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: CALL.id } };
    const cancellation = harness.post(cancel, ['mcp-session-id', 's']);
    while (!client.asked.some(({ tool }) => tool?.operation === cancel.method))
      await new Promise((resolve) => setImmediate(resolve));
    await Promise.all([harness.post(CALL, ['mcp-session-id', 's']), cancellation]);
    const arrived = upstream.requests.map(({ body }) => (JSON.parse(body) as { method: string }).method);
    expect(arrived).toEqual(['tools/call', 'notifications/cancelled']);
  });

  test('GET and DELETE are decided; denied ones send nothing', async () => {
    client.behaviour = denyOnly('http/stream.open');
    expect((await harness.send({ method: 'GET', headers: ['accept', 'text/event-stream'] })).status).toBe(403);
    client.behaviour = denyOnly('http/session.delete');
    expect((await harness.send({ method: 'DELETE', headers: ['mcp-session-id', 's'] })).status).toBe(403);
    expect(upstream.requests).toEqual([]);
    client.behaviour = allow();
    expect((await harness.send({ method: 'GET', headers: ['accept', 'text/event-stream'] })).status).toBe(405);
    expect(upstream.requests).toHaveLength(1);
  });
});

describe('a stream that is being opened', () => {
  const inSession = (session: string): Record<string, string> => ({ 'mcp-session-id': session });
  let openStream = (): void => undefined;
  let asked: Promise<void>;

  beforeEach(() => {
    asked = new Promise((resolve) => {
      upstream.script = (request, response) => {
        if (request.method !== 'GET') return echo(request, response);
        openStream = () => response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
        return resolve();
      };
    });
  });
  const verbs = (): string[] => upstream.requests.map(({ method }) => method ?? '');

  test('is open before what its session says next arrives; others do not wait', async () => {
    const opening = open('GET', undefined, inSession('s'));
    await asked;
    const call = open('POST', CALL, inSession('s'));
    await open('POST', CALL, inSession('other'));
    expect(verbs()).toEqual(['GET', 'POST']);
    openStream();
    const [[stream]] = [await opening];
    await call;
    expect(verbs()).toEqual(['GET', 'POST', 'POST']);
    stream.destroy();
  });

  test('keeps its place while it is decided, and loses it when it is denied', async () => {
    let release = (): void => undefined;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const deciding = new Promise<void>((resolve) => {
      client.behaviour = async (request) => {
        if (request.tool?.operation !== 'http/stream.open') return allow()(request);
        resolve();
        await gate;
        return denyOnly('http/stream.open')(request);
      };
    });
    const opening = open('GET', undefined, inSession('s'));
    await deciding;
    const call = open('POST', CALL, inSession('s'));
    await open('POST', CALL, inSession('other'));
    expect(verbs()).toEqual(['POST']);
    release();
    const [, refused] = await opening;
    expect(refused.statusCode).toBe(403);
    await call;
    expect(verbs()).toEqual(['POST', 'POST']);
  });

  test('does not hold its session up for long', async () => {
    await harness.close();
    harness = await startHarness({ client, upstreamUrl: upstream.url, limits: { answerTimeoutMs: 60_000 } });
    const opening = open('GET', undefined, inSession('s'));
    await asked;
    await open('POST', CALL, inSession('s'));
    expect(verbs()).toEqual(['GET', 'POST']);
    openStream();
    const [stream] = await opening;
    stream.destroy();
  });
});

test('1,000 concurrent calls with colliding ids over 20 agents: no answer crosses', async () => {
  // No time limit of ours may decide this: the machine may be busy.
  const roomy = await startHarness({ client, upstreamUrl: upstream.url, backstopMs: 60_000 });
  upstream.script = (request, response) => {
    const delay = Math.floor(Math.random() * 20);
    setTimeout(() => echo(request, response), delay);
  };
  const agents = Array.from({ length: 20 }, () => new Agent({ keepAlive: true, maxSockets: 10 }));
  const one = (agent: Agent, canary: string, id: number): Promise<string> =>
    new Promise((resolve, reject) => {
      const headers = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
      const outgoing = httpRequest(roomy.url, { method: 'POST', agent, headers }, (incoming) => {
        let text = '';
        incoming.setEncoding('utf8');
        incoming.on('data', (chunk: string) => {
          text += chunk;
        });
        incoming.on('end', () => resolve(text));
      });
      outgoing.on('error', reject);
      outgoing.end(JSON.stringify({ ...CALL, id, params: { name: 'read', arguments: { canary } } }));
    });
  const answers = await Promise.all(
    agents.flatMap((agent, who) =>
      Array.from({ length: 50 }, async (_, id) => {
        const canary = `agent-${who}-call-${id}`;
        return { canary, id, answer: JSON.parse(await one(agent, canary, id)) as unknown };
      }),
    ),
  );
  for (const agent of agents) agent.destroy();
  await roomy.close();
  expect(answers).toHaveLength(1000);
  for (const { canary, id, answer } of answers) {
    expect(answer).toEqual({
      jsonrpc: '2.0',
      id,
      result: { resultType: 'complete', echo: { name: 'read', arguments: { canary } } },
    });
  }
}, 60_000);

test('draining refuses what comes, finishes what runs, ends idle streams', async () => {
  let answer = (): void => undefined;
  let streamOpen = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    streamOpen = resolve;
  });
  const arrived = new Promise<void>((resolve) => {
    upstream.script = (request, response) => {
      if (request.method === 'GET') {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write(': hi\n\n', streamOpen);
        return;
      }
      answer = () => echo(request, response);
      resolve();
    };
  });
  const stream = harness.send({ method: 'GET', headers: ['accept', 'text/event-stream'] });
  await opened;
  const running = harness.post(CALL, ['connection', 'keep-alive']);
  await arrived;
  const finished = harness.proxy.finish();
  await stream.catch(() => undefined);
  answer();
  const { status, headers } = await running;
  // The connection is about to go: an agent that kept it would lose its next request with it.
  expect([status, headers['connection']]).toEqual([200, 'close']);
  await finished;
  await expect(harness.post(CALL)).rejects.toThrow(/ECONN|hang up/);
});
