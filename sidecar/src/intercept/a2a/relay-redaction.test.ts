import { afterEach, describe, expect, test } from '@jest/globals';
import { CALL, createA2aHarness, MESSAGE, STREAM } from '../../testing/a2a-harness.js';
import { allow, fakePolicyClient } from '../../testing/fake-policy-client.js';

const { started, close } = createA2aHarness();
afterEach(close);

describe('a decision that orders redaction', () => {
  const CARD = '4111 1111 1111 1111';
  const masked = '**** **** **** 1111';
  const conditions = [{ type: 'redact', value: { method: 'mask' } }] as const;
  const saying = (text: string) => ({ ...CALL, params: { message: { ...MESSAGE, parts: [{ kind: 'text', text }] } } });

  test('is carried out on what is sent, on answers, and on errors', async () => {
    const { send, posts } = await started({
      policy: fakePolicyClient(allow({ conditions })),
      answer(response, body) {
        const { id, params } = JSON.parse(body) as { id: number; params: typeof CALL.params };
        const [part] = params.message.parts;
        const isBroken = part?.text === 'break';
        const result = { kind: 'message', messageId: 'm', parts: [{ kind: 'text', text: `charged ${CARD}` }] };
        const said = isBroken ? { error: { code: -32000, message: `no ${CARD}` } } : { result };
        response.writeHead(200, { 'content-type': 'application/json' });
        response.end(JSON.stringify({ jsonrpc: '2.0', id, ...said }));
      },
    });
    const answered = await send(saying(`use ${CARD}`));
    expect(posts().at(-1)?.body).toContain(`use ${masked}`);
    expect(answered.json.result).toMatchObject({ parts: [{ text: `charged ${masked}` }] });
    expect((await send(saying('break'))).json.error?.message).toBe(`no ${masked}`);
  });

  test.each([
    ['as they come', undefined],
    ['and the session hears of what is left', [{ type: 'report_result', value: { max_bytes: 4096 } }]],
  ] as const)('is carried out on streams, %s', async (_what, obligations) => {
    const pieces = ['charged 4111', ' 1111 1111', ' 1111 today'];
    const policy = fakePolicyClient(allow({ conditions, ...(obligations === undefined ? {} : { obligations }) }));
    const { send } = await started({
      policy,
      answer(response) {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        for (const text of pieces) {
          const artifact = { artifactId: 'a', parts: [{ kind: 'text', text }] };
          const result = { kind: 'artifact-update', taskId: 't', contextId: 'c', artifact, append: true };
          response.write(`: note\nid: 7\ndata: ${JSON.stringify({ jsonrpc: '2.0', id: 1, result })}\n\n`);
        }
        response.end();
      },
    });
    const { text } = await send(STREAM);
    const events = text.split('\n').filter((line) => line.startsWith('data: '));
    const said = events.map((line) => JSON.parse(line.slice(6)).result.artifact.parts[0].text);
    expect(said.join('')).toBe(`charged ${masked} today`);
    expect(text.split('\n').filter((line) => line === 'id: 7')).toHaveLength(3);
    if (obligations !== undefined) expect(JSON.stringify(policy.reported)).not.toContain('1111 1111');
    expect(policy.reported).toHaveLength(obligations === undefined ? 0 : 1);
  });

  test('ends a stream that cannot be redacted', async () => {
    const { send, policy } = await started({
      policy: fakePolicyClient(allow({ conditions })),
      answer(response) {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        for (const text of ['4111 1111 ', '1111 1111']) {
          const artifact = { artifactId: 'a', parts: [{ kind: 'text', text }] };
          const result = {
            kind: 'artifact-update',
            taskId: 't',
            contextId: 'c',
            artifact,
            append: true,
            lastChunk: true,
          };
          response.write(`data: ${JSON.stringify({ jsonrpc: '2.0', id: 1, result })}\n\n`);
        }
        response.end();
      },
    });
    const { text } = await send(STREAM);
    expect(text).toContain('could not be redacted');
    expect(text).not.toContain('1111 1111"');
    expect(policy.settled).toMatchObject([{ outcome: 'upstream_failed' }]);
  });
});
