import type { ServerResponse } from 'node:http';
import { afterEach, describe, expect, test } from '@jest/globals';
import { CALL, createA2aHarness, STREAM } from '../../testing/a2a-harness.js';
import { allow, deny, fakePolicyClient } from '../../testing/fake-policy-client.js';

const { started, close } = createA2aHarness();
afterEach(close);

describe('an answer', () => {
  const answering =
    (body: string, type = 'application/json', status = 200) =>
    (response: ServerResponse) =>
      void response.writeHead(status, { 'content-type': type }).end(body);
  const GOOD = JSON.stringify({ jsonrpc: '2.0', id: 1, result: { kind: 'task', id: 't' } });

  test('passes byte for byte', async () => {
    const odd = ' { "result" : {"n":1.0e2} , "id":1,\n"jsonrpc":"2.0"}';
    const { send } = await started({ answer: answering(odd) });
    expect((await send(CALL)).text).toBe(odd);
  });

  test.each<[string, (response: ServerResponse) => void]>([
    ['to another request', answering(GOOD.replace('"id":1', '"id":2'))],
    ['that is an error to another request', answering('{"jsonrpc":"2.0","id":2,"error":{"code":1,"message":"m"}}')],
    ['that is an error of no shape', answering('{"jsonrpc":"2.0","id":1,"error":{"message":"m"}}')],
    ['with a result that HTTP calls a failure', answering(GOOD, 'application/json', 500)],
    ['with a key twice', answering(GOOD.replace('"id":1', '"id":1,"id":1'))],
    ['that is neither', answering('{"jsonrpc":"2.0","id":1}')],
    ['with another member', answering(GOOD.replace('"id":1', '"id":1,"x":1'))],
    ['that is no JSON', answering('hello')],
    ['that is HTML', answering('<p>', 'text/html')],
    ['that redirects', (response) => void response.writeHead(307, { location: 'http://evil.example/' }).end()],
    ['that asks for credentials', (response) => void response.writeHead(401, { 'www-authenticate': 'Basic' }).end()],
    [
      'that is compressed',
      (response) =>
        void response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' }).end('x'),
    ],
    ['that streams where nothing is to be streamed', answering(`data: ${GOOD}\n\n`, 'text/event-stream')],
    ['that is too large', answering(JSON.stringify({ jsonrpc: '2.0', id: 1, result: 'x'.repeat(9000) }))],
    ['that breaks off', (response) => void response.destroy()],
  ])('%s is not delivered', async (_what, answer) => {
    const { send, policy } = await started({ answer, limits: { maxResponseBytes: 4096 } });
    const { json, headers } = await send(CALL);
    expect(json).toMatchObject({ id: 1, error: { code: -31502 } });
    expect(headers).not.toHaveProperty('www-authenticate');
    expect(policy.settled).toMatchObject([{ outcome: 'upstream_failed' }]);
  });

  test('that is an error passes as one', async () => {
    const error = '{"jsonrpc":"2.0","id":1,"error":{"code":-32001,"message":"Task not found"}}';
    const { send, policy } = await started({ answer: answering(error) });
    expect((await send(CALL)).text).toBe(error);
    expect(policy.settled).toMatchObject([{ outcome: 'upstream_failed' }]);
  });

  test.each([
    ['reported', true],
    ['not taken', false],
  ])('that has to be reported is %s before the agent gets it', async (_what, isTaken) => {
    const policy = fakePolicyClient(allow({ obligations: [{ type: 'report_result', value: { max_bytes: 1024 } }] }));
    policy.taking = async () => isTaken;
    const { send } = await started({ policy, answer: answering(GOOD) });
    expect((await send(CALL)).text === GOOD).toBe(isTaken);
    expect(policy.reported).toMatchObject([{ result: { value: { kind: 'task', id: 't' } } }]);
  });
});

describe('a stream', () => {
  const event = (result: unknown, id: unknown = 1): string =>
    `data: ${JSON.stringify({ jsonrpc: '2.0', id, result })}\n\n`;
  const streaming =
    (...events: string[]) =>
    (response: ServerResponse) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      for (const one of events) response.write(one);
      response.end();
    };

  test('passes event by event, as it comes', async () => {
    let sent: ServerResponse | undefined;
    const { port, policy } = await started({
      answer: (response) => {
        sent = response;
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write(`: hello\n\nid: 7\n${event({ kind: 'task', id: 't' })}`);
      },
    });
    const got = await fetch(`http://127.0.0.1:${port}/a2a/books`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(STREAM),
    });
    const reader = (got.body ?? new ReadableStream()).pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    while (!text.includes('"t"')) text += (await reader.read()).value ?? '';
    expect(policy.settled).toEqual([]);
    sent?.end(event({ kind: 'status-update', taskId: 't' }));
    for (let part = await reader.read(); !part.done; part = await reader.read()) text += part.value;
    expect(text).toBe(
      `: hello\n\nid: 7\n${event({ kind: 'task', id: 't' })}${event({ kind: 'status-update', taskId: 't' })}`,
    );
    expect(policy.settled).toMatchObject([{ outcome: 'forwarded' }]);
  });

  test.each<[string, string[]]>([
    ['another request', [event({}, 2)]],
    ['no JSON', ['data: {\n\n']],
    ['a key twice', ['data: {"jsonrpc":"2.0","id":1,"id":1,"result":{}}\n\n']],
    ['another type', [`event: endpoint\n${event('http://evil.example')}`]],
    ['half an event', ['data: {"jsonrpc"']],
    ['nothing', []],
    ['an event that is too large', [event('x'.repeat(9000))]],
  ])('is ended by %s', async (_what, events) => {
    const { send, policy } = await started({ answer: streaming(...events), limits: { maxEventBytes: 4096 } });
    const { text } = await send(STREAM);
    expect(text).toContain('-31502');
    expect(text).not.toContain('evil.example');
    expect(policy.settled).toMatchObject([{ outcome: 'upstream_failed' }]);
  });

  test.each([
    ['reported', true],
    ['not taken', false],
  ])('that has to be reported is held until it is %s', async (_what, isTaken) => {
    const policy = fakePolicyClient(allow({ obligations: [{ type: 'report_result', value: { max_bytes: 1024 } }] }));
    policy.taking = async () => isTaken;
    const { send } = await started({ policy, answer: streaming(event({ n: 1 }), event({ n: 2 })) });
    const { text } = await send(STREAM);
    expect(text === event({ n: 1 }) + event({ n: 2 })).toBe(isTaken);
    expect(text.includes('"n"')).toBe(isTaken);
    expect(policy.reported).toMatchObject([{ result: { value: [{ n: 1 }, { n: 2 }] } }]);
  });

  test('is cut off by the kill switch', async () => {
    let closed: () => void = () => undefined;
    const left = new Promise<void>((resolve) => {
      closed = resolve;
    });
    const { port, policy, parts } = await started({
      answer: (response) => {
        response.on('close', closed);
        response.writeHead(200, { 'content-type': 'text/event-stream' }).write(event({ n: 1 }));
      },
    });
    const got = await fetch(`http://127.0.0.1:${port}/a2a/books`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(STREAM),
    });
    const reader = (got.body ?? new ReadableStream()).getReader();
    await reader.read();
    policy.behaviour = deny({ code: 'KILL_SWITCH' });
    parts.open.killEpoch('pdp', 1);
    await expect(reader.read()).rejects.toThrow();
    await left;
  });
});
