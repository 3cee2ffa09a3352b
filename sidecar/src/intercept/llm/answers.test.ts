import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { allow, deny, type FakePolicyClient } from '../../testing/fake-policy-client.js';
import type { LlmHarness } from '../../testing/llm-harness.js';
import { CHAT, only, startLlmWorld } from '../../testing/llm-world.js';
import { chunk, DONE, messageItem, responseEvents, responseOf, sendEvents } from '../../testing/provider-wire.js';
import type { RecordingUpstream } from '../../testing/recording-upstream.js';

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

describe('what comes back', () => {
  test('is asked about where a policy reads it, whole, before anybody has a word of it', async () => {
    client.behaviour = (request) => {
      if (request.request?.action === 'completion') return deny()(request);
      return allow({ obligations: [{ type: 'decide_output', value: true }] })(request);
    };
    provider.script = (_request, response) =>
      sendEvents(response, [chunk({ content: 'se' }), chunk({ content: 'cret' }), chunk({}, 'stop'), DONE]);
    const { status, text } = await gateway.send({ body: { ...CHAT, stream: true } });
    expect(status).toBe(403);
    expect(text).not.toContain('cret"');
    expect(client.asked.at(-1)?.request).toMatchObject({ action: 'completion', output: 'secret', estimated_tokens: 0 });
  });

  test('is asked about by its texts, each in one piece', async () => {
    client.behaviour = (request) =>
      allow(request.request?.action === 'chat' ? { obligations: [{ type: 'decide_output', value: true }] } : {})(
        request,
      );
    const two = (first: string, second: string) => ({
      choices: [first, second].map((content, index) => ({ index, delta: { content }, finish_reason: null })),
    });
    const end = { choices: [0, 1].map((index) => ({ index, delta: {}, finish_reason: 'stop' })) };
    provider.script = (_request, response) => sendEvents(response, [two('se', 'o'), two('cret', 'ther'), end, DONE]);
    const { events } = await gateway.send({ body: { ...CHAT, n: 2, stream: true } });
    expect(client.asked.at(-1)?.request).toMatchObject({ action: 'completion', output: 'secret\nother' });
    expect(events).toHaveLength(4);
  });

  test('is asked about with what only the end of a stream says', async () => {
    client.behaviour = (request) =>
      allow(request.request?.action === 'chat' ? { obligations: [{ type: 'decide_output', value: true }] } : {})(
        request,
      );
    const events = (responseEvents(['fine']) as readonly { readonly type: string }[]).map((one) =>
      one.type === 'response.completed' ? { ...one, response: responseOf([messageItem('m', 'forbidden')]) } : one,
    );
    provider.script = (_request, response) => sendEvents(response, events);
    await gateway.send({ path: '/v1/responses', body: { model: 'gpt-4o', input: 'x', stream: true } });
    expect(client.asked.at(-1)?.request?.output).toBe('fine\nforbidden');
  });

  test('is reported where that is ordered, before the agent has it', async () => {
    client.behaviour = allow({ obligations: [{ type: 'report_result', value: { max_bytes: 1_000 } }] });
    await gateway.send({ body: CHAT });
    expect(only(client.reported)).toMatchObject({
      usage: { input_tokens: 11, output_tokens: 7 },
      result: { session_id: 'run-1' },
    });
    client.taking = async () => false;
    const { status, text } = await gateway.send({ body: CHAT });
    expect(status).toBe(502);
    expect(text).not.toContain('hello');
  });
});

describe('what ends early', () => {
  test('an agent that leaves ends the call of the provider', async () => {
    const left = new Promise<void>((resolve) => {
      provider.script = (_request, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write(`data: ${JSON.stringify(chunk({ content: 'x' }))}\n\n`);
        response.on('close', resolve);
      };
    });
    const leaving = new AbortController();
    const sent = gateway.send({ body: { ...CHAT, stream: true }, signal: leaving.signal }).catch(() => undefined);
    while (provider.requests.length === 0) await new Promise((resolve) => setImmediate(resolve));
    leaving.abort();
    await Promise.all([left, sent]);
    while (client.settled.length === 0) await new Promise((resolve) => setImmediate(resolve));
    expect(client.settled.map(({ outcome }) => outcome)).toEqual(['upstream_failed']);
  });

  test('the kill switch ends an open stream with an error', async () => {
    provider.script = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(`data: ${JSON.stringify(chunk({ content: 'x' }))}\n\n`);
      client.behaviour = deny({ code: 'KILL_SWITCH' });
      gateway.killEpoch('pdp', 1);
    };
    const { text } = await gateway.send({ body: { ...CHAT, stream: true } });
    expect(text).toContain('KILL_SWITCH');
    expect(only(client.settled).outcome).toBe('upstream_failed');
  });
});
