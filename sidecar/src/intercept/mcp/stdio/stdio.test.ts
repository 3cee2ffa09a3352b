/** The stdio wrapper around a scripted server process. */

import { afterEach, describe, expect, test } from '@jest/globals';
import { RPC_CODE } from '../../../enforce/refuse.js';
import { allow, deny, denyOnly, fail } from '../../../testing/fake-policy-client.js';
import { until } from '../../../testing/held-payments.js';
import { call, createStdioHarness } from '../../../testing/stdio-harness.js';

const { wrap, close } = createStdioHarness();
afterEach(close);

describe('the stdio wrapper', () => {
  test('forwards what is allowed and settles it', async () => {
    const wrapped = await wrap();
    wrapped.say(call(1));
    expect(await wrapped.next()).toEqual({ jsonrpc: '2.0', id: 1, result: { got: 1, echo: call(1) } });
    expect(wrapped.client.asked).toMatchObject([{ kind: 'tool_call', tool: { server: 'files', name: 'read' } }]);
    expect(wrapped.client.settled).toMatchObject([{ outcome: 'forwarded' }]);
  });

  test.each([
    ['denied', denyOnly('tools/call'), RPC_CODE.denied],
    ['undecided', fail('PDP_UNAVAILABLE'), RPC_CODE.failedClosed],
  ])('a %s call is answered with an error and the server never sees it', async (_name, behaviour, code) => {
    const wrapped = await wrap();
    wrapped.client.behaviour = behaviour;
    wrapped.say(call(1));
    expect(await wrapped.next()).toMatchObject({ id: 1, error: { code } });
    wrapped.client.behaviour = allow();
    wrapped.say(call(2));
    expect(await wrapped.next()).toMatchObject({ id: 2, result: { got: 1 } });
  });

  test.each<[string, string, number]>([
    ['not JSON', 'nope', -32700],
    ['a duplicate key', '{"jsonrpc":"2.0","id":1,"id":1,"method":"ping"}', -32700],
    ['a batch', '[]', -32600],
    ['an unknown method', '{"jsonrpc":"2.0","id":1,"method":"evil"}', -32601],
    ['a bad tool name', JSON.stringify(call(1, {}, '../x')), -32602],
    ['a line over the cap', `"${'x'.repeat(70_000)}"`, -32600],
  ])('%s is refused', async (_name, line, code) => {
    const wrapped = await wrap();
    wrapped.say(line);
    expect(await wrapped.next()).toMatchObject({ error: { code } });
    wrapped.say(call(2));
    expect(await wrapped.next()).toMatchObject({ id: 2, result: { got: 1 } });
  });

  test('what follows a slow decision waits for its turn', async () => {
    const wrapped = await wrap();
    let release = (): void => undefined;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    wrapped.say(call(1, { do: 'ask' }));
    // The server did not wait for its own question, so its answer may overtake the question's decision.
    const both = [await wrapped.next(), await wrapped.next()];
    expect(both).toContainEqual(expect.objectContaining({ method: 'elicitation/create' }));
    expect(both).toContainEqual(expect.objectContaining({ id: 1 }));
    wrapped.client.behaviour = async (request) => {
      if (request.tool?.name === 'slow') await gate;
      return allow()(request);
    };
    wrapped.say(call(2, {}, 'slow'));
    wrapped.say(call(3));
    expect(wrapped.spoken).toHaveLength(2);
    release();
    expect(await wrapped.next()).toMatchObject({ id: 2, result: { got: 2 } });
    expect(await wrapped.next()).toMatchObject({ id: 3, result: { got: 3 } });
  });

  test('an answer of the server passes while a message of the agent waits for its decision', async () => {
    const wrapped = await wrap();
    let asked = 0;
    let release = (): void => undefined;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    wrapped.client.behaviour = async (request) => {
      asked += 1;
      if (request.tool?.name === 'slow') await gate;
      return allow()(request);
    };
    wrapped.say(call(1));
    wrapped.say(call(2, {}, 'slow'));
    expect(await wrapped.next()).toMatchObject({ id: 1 });
    expect(asked).toBe(2);
    release();
    expect(await wrapped.next()).toMatchObject({ id: 2 });
  });

  test('output that is no message, wrong ids and unknown notifications are not delivered', async () => {
    const wrapped = await wrap();
    for (const [id, todo] of ['junk', 'wrong id', 'unknown'].entries()) {
      wrapped.say(call(id, { do: todo }));
      expect(await wrapped.next()).toMatchObject({ id, result: {} });
    }
    expect(wrapped.spoken).toHaveLength(3);
  });

  test('a request of the server needs a permit; its answer passes once', async () => {
    const wrapped = await wrap();
    wrapped.say(call(1, { do: 'ask' }));
    await wrapped.next();
    await wrapped.next();
    const reply = { jsonrpc: '2.0', id: 9, result: { action: 'accept' } };
    wrapped.say(reply);
    expect(await wrapped.next()).toMatchObject({ params: { data: JSON.stringify(reply) } });
    wrapped.say(reply);
    wrapped.say(call(2));
    expect(await wrapped.next()).toMatchObject({ id: 2, result: { got: 3 } });
  });

  test('the answer of an agent that was stopped meanwhile does not go', async () => {
    const wrapped = await wrap();
    wrapped.say(call(1, { do: 'ask' }));
    await wrapped.next();
    await wrapped.next();
    wrapped.client.behaviour = deny({ code: 'KILL_SWITCH', message: 'stopped' });
    wrapped.killEpoch('pdp-1', 5);
    wrapped.say({ jsonrpc: '2.0', id: 9, result: { action: 'accept' } });
    await until(() => wrapped.client.rechecked.length === 1);
    wrapped.client.behaviour = allow();
    wrapped.say(call(2));
    expect(await wrapped.next()).toMatchObject({ id: 2, result: { got: 2 } });
  });

  test('pages that an error wants to be shown are decided like a request of the server', async () => {
    const server = String.raw`
      const lines = require('node:readline').createInterface({ input: process.stdin });
      const data = { elicitations: [{ mode: 'url', elicitationId: 'e', url: 'https://evil.test/', message: 'm' }] };
      lines.on('line', (line) => {
        const answer = { jsonrpc: '2.0', id: JSON.parse(line).id, error: { code: -32042, message: 'm', data } };
        process.stdout.write(JSON.stringify(answer) + '\n');
      });`;
    const wrapped = await wrap({ server });
    wrapped.say(call(1));
    expect(await wrapped.next()).toMatchObject({ id: 1, error: { code: -32042 } });
    wrapped.client.behaviour = denyOnly('elicitation/create');
    wrapped.say(call(2));
    expect(await wrapped.next()).toMatchObject({ id: 2, error: { code: RPC_CODE.denied } });
  });

  test('a denied request of the server is answered to the server', async () => {
    const wrapped = await wrap();
    wrapped.client.behaviour = denyOnly('elicitation/create');
    wrapped.say(call(1, { do: 'ask' }));
    const heard = [await wrapped.next(), await wrapped.next()];
    expect(new Set(heard.map(({ method, id }) => method ?? id))).toEqual(new Set([1, 'notifications/message']));
    expect(JSON.stringify(heard)).toContain(String(RPC_CODE.denied));
  });

  test('an id in use is refused', async () => {
    const wrapped = await wrap();
    wrapped.say(call(1, { do: 'hang' }));
    wrapped.say(call(1));
    expect(await wrapped.next()).toMatchObject({ id: 1, error: { code: RPC_CODE.invalidRequest } });
  });

  test('when the server ends, open requests fail and its exit code is known', async () => {
    const wrapped = await wrap();
    wrapped.say(call(1, { do: 'hang' }));
    wrapped.say(call(2, { do: 'exit' }));
    const failed = [await wrapped.next(), await wrapped.next()];
    expect(new Set(failed.map(({ id }) => id))).toEqual(new Set([1, 2]));
    expect(failed).toMatchObject([
      { error: { code: RPC_CODE.upstreamFailed } },
      { error: { code: RPC_CODE.upstreamFailed } },
    ]);
    await wrapped.done;
    expect(await wrapped.child.ended).toBe(7);
  });

  test('our settings are not in its environment', async () => {
    const wrapped = await wrap();
    wrapped.say(call(1, { do: 'env' }));
    const { result } = (await wrapped.next()) as { result: { env: string[] } };
    expect(result.env).toContain('PATH');
    expect(result.env.filter((name) => name.startsWith('PORTCULLIS'))).toEqual([]);
  });
});

test('a claimed version that nobody speaks is answered with those that would do', async () => {
  const wrapped = await wrap();
  const claimed = { 'io.modelcontextprotocol/protocolVersion': 'v999' };
  wrapped.say({ jsonrpc: '2.0', id: 1, method: 'server/discover', params: { _meta: claimed } });
  expect(await wrapped.next()).toMatchObject({
    id: 1,
    error: { code: RPC_CODE.unsupportedProtocolVersion, data: { supported: ['2026-07-28'], requested: 'v999' } },
  });
  expect(wrapped.client.asked).toEqual([]);
});

test('of two answers to one request the agent gets one, and no request that uses the id again gets the other', async () => {
  const wrapped = await wrap();
  const { promise: gate, resolve: decide } = Promise.withResolvers<void>();
  wrapped.client.behaviour = async (request) => {
    if (request.tool?.operation === 'elicitation/create') await gate;
    return allow()(request);
  };
  const MODERN = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientInfo': { name: 't', version: '1' },
    'io.modelcontextprotocol/clientCapabilities': { elicitation: {} },
  };
  const modern = (id: number, args: Record<string, unknown>) => {
    const { params, ...rest } = call(id, args);
    return { ...rest, params: { ...params, _meta: MODERN } };
  };
  wrapped.say(modern(1, { do: 'twice' }));
  expect(await wrapped.next()).toMatchObject({ id: 1, result: { first: true } });
  wrapped.say(modern(1, { do: 'hang' }));
  wrapped.say(modern(2, {}));
  expect(await wrapped.next()).toMatchObject({ id: 2 });
  decide();
  wrapped.say(modern(3, {}));
  expect(await wrapped.next()).toMatchObject({ id: 3 });
});
