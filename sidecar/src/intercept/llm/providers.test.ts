import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { FakePolicyClient } from '../../testing/fake-policy-client.js';
import { type LlmHarness, startLlmHarness } from '../../testing/llm-harness.js';
import { CHAT, denyTool, MESSAGE, only, startLlmWorld } from '../../testing/llm-world.js';
import { chatCompletion, chunk, responseEvents, responseOf, sendEvents } from '../../testing/provider-wire.js';
import { type RecordingUpstream, recordingUpstream } from '../../testing/recording-upstream.js';

let client: FakePolicyClient;
let provider: RecordingUpstream;
let gateway: LlmHarness;

beforeEach(async () => {
  ({ client, provider, gateway } = await startLlmWorld());
});
afterEach(async () => {
  await gateway.close();
  await provider.close();
});

describe('providers that misbehave', () => {
  const raw = (text: string) => (_request: unknown, response: Parameters<typeof sendEvents>[0]) =>
    sendEvents(response, [text]);
  const data = (value: unknown) => `data: ${JSON.stringify(value)}\n\n`;

  test.each<[string, string]>([
    ['no JSON', 'data: {\n\n'],
    ['duplicate members', 'data: {"choices":[],"choices":[]}\n\n'],
    ['no chunk', 'data: {"choices":4}\n\n'],
    [
      'a call that changes its name',
      `${data(chunk({ tool_calls: [{ index: 0, id: 'a', function: { name: 'look', arguments: '' } }] }))}${data(chunk({ tool_calls: [{ index: 0, function: { name: 'delete', arguments: '{}' } }] }))}`,
    ],
    ['a call without a name', data(chunk({ tool_calls: [{ index: 0, function: 4 }] }))],
    [
      'nothing more',
      data(chunk({ tool_calls: [{ index: 0, id: 'a', function: { name: 'delete', arguments: '{}' } }] })),
    ],
    ['an error', 'data: {"error":{"message":"overloaded"}}\n\n'],
    ['words after the end of a choice', `${data(chunk({}, 'stop'))}${data(chunk({ content: 'x' }))}`],
  ])('a stream with %s ends in an error, and no call passes', async (_name, text) => {
    provider.script = raw(text);
    const answered = await gateway.send({ body: { ...CHAT, stream: true } });
    expect(answered.text).toContain('UPSTREAM_FAILED');
    expect(answered.text).not.toContain('delete');
    expect(client.settled.at(-1)?.outcome).toBe('upstream_failed');
  });

  test.each<[string, readonly unknown[]]>([
    [
      'a start with content',
      [{ type: 'message_start', message: { content: [{ type: 'tool_use', name: 'delete', input: {} }] } }],
    ],
    [
      'a block that was not begun',
      [{ type: 'content_block_delta', index: 3, delta: { type: 'text_delta', text: 'x' } }],
    ],
    [
      'a call with words',
      [
        { type: 'content_block_start', index: 0, content_block: { type: 'tool_use', name: 'delete' } },
        { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'x' } },
      ],
    ],
    ['an event under another name', ['event: ping\ndata: {"type":"message_stop"}\n\n']],
    [
      'an end inside a call',
      [
        { type: 'content_block_start', index: 0, content_block: { type: 'tool_use', name: 'delete' } },
        { type: 'message_delta', delta: {} },
      ],
    ],
  ])('messages with %s', async (_name, events) => {
    provider.script = (_request, response) => sendEvents(response, events);
    const answered = await gateway.send({ path: '/v1/messages', body: { ...MESSAGE, stream: true } });
    expect(answered.text).toContain('UPSTREAM_FAILED');
    expect(answered.text).not.toContain('delete');
  });

  test('responses that hide a call at their end are found out', async () => {
    client.behaviour = denyTool('delete');
    const call = { type: 'function_call', id: 'f', call_id: 'c', name: 'delete', arguments: '{}' };
    const events = responseEvents(['x']) as readonly { readonly type: string }[];
    const hidden = events.map((one) =>
      one.type === 'response.completed' ? { ...one, response: responseOf([call]) } : one,
    );
    provider.script = (_request, response) => sendEvents(response, hidden);
    const answered = await gateway.send({ path: '/v1/responses', body: { model: 'gpt-4o', input: 'x', stream: true } });
    expect(answered.text).not.toContain('"name":"delete"');
    expect(answered.text).toContain('was not allowed');
    const early = [{ type: 'response.in_progress', response: responseOf([call]), sequence_number: 0 }];
    provider.script = (_request, response) => sendEvents(response, early);
    expect(
      (await gateway.send({ path: '/v1/responses', body: { model: 'gpt-4o', input: 'x', stream: true } })).text,
    ).toContain('UPSTREAM_FAILED');
  });

  test.each([
    ['compressed', 200, { 'content-encoding': 'gzip', 'content-type': 'application/json' }, '{}'],
    [
      'a redirect',
      302,
      { location: 'http://elsewhere', 'content-type': 'application/json' },
      JSON.stringify(chatCompletion('hello')),
    ],
    ['no JSON', 200, { 'content-type': 'text/html' }, '<html>'],
    ['no answer', 200, { 'content-type': 'application/json' }, '{"choices":"x"}'],
    ['our credentials refused', 401, { 'content-type': 'application/json' }, '{"error":{"message":"key sk-provider"}}'],
  ])('%s', async (_name, status, headers, text) => {
    provider.script = (_request, response) =>
      void response.writeHead(status, headers as Record<string, string>).end(text);
    const answered = await gateway.send({ body: CHAT });
    expect([answered.status, answered.json?.error?.code]).toEqual([502, 'UPSTREAM_FAILED']);
    expect(answered.text).not.toContain('sk-provider');
  });

  test('an endless stream is ended at its limit, a silent one in time', async () => {
    await gateway.close();
    gateway = await startLlmHarness({
      client,
      url: provider.url,
      config: { limits: { maxResponseBytes: 4_096, streamIdleMs: 100 } },
    });
    provider.script = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      for (let at = 0; at < 100; at += 1) response.write(data(chunk({ content: 'x'.repeat(100) })));
    };
    expect((await gateway.send({ body: { ...CHAT, stream: true } })).text).toContain('too large');
    provider.script = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(data(chunk({ content: 'x' })));
    };
    expect((await gateway.send({ body: { ...CHAT, stream: true } })).text).toContain('silent for too long');
  });

  test('one that is not there', async () => {
    await provider.close();
    const answered = await gateway.send({ body: CHAT });
    expect([answered.status, answered.json?.error?.code]).toEqual([502, 'UPSTREAM_FAILED']);
    expect(only(client.settled)).toMatchObject({ outcome: 'upstream_failed', usage: { tokens: 0 } });
    provider = await recordingUpstream();
  });
});
