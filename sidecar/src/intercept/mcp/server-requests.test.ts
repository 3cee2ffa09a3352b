/** What a server asks of the agent, in both generations of the protocol. */

import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { RPC_CODE } from '../../enforce/refuse.js';
import { deny, denyOnly, type FakePolicyClient, fail } from '../../testing/fake-policy-client.js';
import { ANSWER, CALL, event, startMcpWorld, streams } from '../../testing/mcp-world.js';
import type { Harness } from '../../testing/proxy-harness.js';
import { answerJson, echo, type RecordingUpstream } from '../../testing/recording-upstream.js';

let client: FakePolicyClient;
let upstream: RecordingUpstream;
let harness: Harness;

beforeEach(async () => {
  ({ client, upstream, harness } = await startMcpWorld());
});
afterEach(async () => {
  await harness.close();
  await upstream.close();
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

  describe('once the agent has been stopped', () => {
    test.each(['stopped', 'of whom nobody can say'])('the answer of one that is %s does not go', async (which) => {
      upstream.script = (request, response) =>
        request.body.includes('tools/call') ? asking(response) : echo(request, response);
      await harness.post(CALL, session);
      client.behaviour = which === 'stopped' ? deny({ code: 'KILL_SWITCH', message: 'stopped' }) : fail('PDP_TIMEOUT');
      harness.killEpoch('pdp-1', 5);
      const refused = await harness.post(REPLY, session);
      expect([refused.status, refused.json.error?.data?.['code']]).toEqual(
        which === 'stopped' ? [403, 'KILL_SWITCH'] : [503, 'PDP_TIMEOUT'],
      );
      expect(upstream.requests.filter(({ body }) => body === JSON.stringify(REPLY))).toHaveLength(0);
    });

    test('the answer of another goes', async () => {
      upstream.script = (request, response) =>
        request.body.includes('tools/call') ? asking(response) : echo(request, response);
      await harness.post(CALL, session);
      harness.killEpoch('pdp-1', 5);
      expect((await harness.post(REPLY, session)).status).toBe(202);
      expect(client.rechecked).toMatchObject([{ tool: { operation: 'elicitation/create' } }]);
    });
  });

  describe('in an error that wants pages to be shown', () => {
    const page = { mode: 'url', elicitationId: 'e', url: 'https://evil.test/', message: 'sign in' };
    const wants = (elicitations: unknown) => ({
      jsonrpc: '2.0',
      id: 1,
      error: { code: -32042, message: 'sign in first', data: { elicitations } },
    });
    const answers: Readonly<Record<string, (message: object, response: ServerResponse) => void>> = {
      'JSON answer': (message, response) => answerJson(response, message),
      stream: (message, response) => streams(event(message))(undefined, response),
      'HTTP status': (message, response) => answerJson(response, message, 400),
    };

    test.each(Object.keys(answers))('is decided (%s)', async (how) => {
      upstream.script = (_request, response) => answers[how]?.(wants([page, page]), response);
      expect((await harness.post(CALL)).text).toContain('evil.test');
      expect(client.asked.slice(1)).toMatchObject(
        [1, 2].map(() => ({
          kind: 'session',
          tool: { operation: 'elicitation/create', arguments: page, attributes: { direction: 'server_to_client' } },
        })),
      );
      client.behaviour = denyOnly('elicitation/create');
      const denied = await harness.post(CALL);
      expect(denied.text).not.toContain('evil.test');
      expect(denied.text).toContain('POLICY_DENIED');
    });

    test.each([
      ['an object', { a: page }],
      ['a list of texts', ['https://evil.test/']],
    ])('and is refused where %s stands for the pages', async (_what, elicitations) => {
      upstream.script = (_request, response) => answerJson(response, wants(elicitations));
      const { text } = await harness.post(CALL);
      expect(text).not.toContain('evil.test');
      expect(client.asked).toHaveLength(1);
    });

    test('other errors are not asked about', async () => {
      const error = { code: -32000, message: 'no', data: { elicitations: [page] } };
      upstream.script = (_request, response) => answerJson(response, { jsonrpc: '2.0', id: 1, error });
      expect((await harness.post(CALL)).json.error?.code).toBe(-32000);
      expect(client.asked).toHaveLength(1);
    });
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
