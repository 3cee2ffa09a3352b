/** What tasks bring: in answers that only name one, and in notifications that nobody asked for. */

import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Condition } from '@portcullis/policy/model';
import { allow, type Behaviour, denyOnly, fakePolicyClient } from '../../testing/fake-policy-client.js';
import { CALL, event, streams } from '../../testing/mcp-world.js';
import { type Harness, startHarness } from '../../testing/proxy-harness.js';
import { answerJson, type RecordingUpstream, recordingUpstream } from '../../testing/recording-upstream.js';
import { createStdioHarness } from '../../testing/stdio-harness.js';

const META = { 'io.modelcontextprotocol/protocolVersion': '2026-07-28' };
const MODERN = { ...CALL, params: { ...CALL.params, _meta: META } };
const MIRRORS = ['mcp-protocol-version', '2026-07-28', 'mcp-method', 'tools/call', 'mcp-name', 'read'];
const DONE = { jsonrpc: '2.0', id: 1, result: { resultType: 'complete', content: [] } };
const REPORT = { type: 'report_result' as const, value: { max_bytes: 4096 } };

const client = fakePolicyClient();
const { wrap, close } = createStdioHarness();
let upstream: RecordingUpstream;
let harness: Harness;

beforeEach(async () => {
  client.behaviour = allow();
  client.taking = async () => true;
  for (const list of [client.asked, client.reported, client.settled]) list.length = 0;
  upstream = await recordingUpstream();
  harness = await startHarness({ client, upstreamUrl: upstream.url });
});
afterEach(async () => {
  await harness.close();
  await upstream.close();
  await close();
});

describe('what a task brought, told unasked', () => {
  const told = (brought: object) => ({
    jsonrpc: '2.0',
    method: 'notifications/tasks',
    params: { taskId: 't-1', status: 'completed', ...brought },
  });
  const RESULT = { result: { content: [{ type: 'text', text: 'somebody else says' }] } };
  const say = async (brought: object): Promise<string> => {
    upstream.script = streams(event(told(brought)), event(DONE));
    return (await harness.post(MODERN, MIRRORS)).text;
  };
  const operations = () => client.asked.map(({ tool }) => [tool?.operation, tool?.name]);
  const reporting = (operation: string): Behaviour => {
    return (request) => allow(request.tool?.operation === operation ? { obligations: [REPORT] } : {})(request);
  };

  test('is decided as the answer to the question that would bring it, and reported', async () => {
    client.behaviour = reporting('tasks/get');
    expect(await say(RESULT)).toContain('somebody else says');
    expect(operations()).toEqual([
      ['tools/call', 'read'],
      ['tasks/get', 't-1'],
    ]);
    expect(client.reported.map(({ result }) => result?.value)).toEqual([told(RESULT).params]);
  });

  test.each<[string, Behaviour, boolean]>([
    ['where that is denied', denyOnly('tasks/get'), true],
    ['where nobody takes the report', reporting('tasks/get'), false],
    [
      'where it has to be redacted',
      (request) => {
        const conditions: Condition[] = [{ type: 'redact', value: { method: 'mask' } }];
        return allow(request.tool?.operation === 'tasks/get' ? { conditions } : {})(request);
      },
      true,
    ],
  ])('is not delivered %s; the call goes on', async (_where, behaviour, isTaken) => {
    client.behaviour = behaviour;
    client.taking = async () => isTaken;
    const text = await say(RESULT);
    expect(text).not.toContain('somebody else says');
    expect(text).toContain('"complete"');
  });

  test('errors count as well', async () => {
    client.behaviour = denyOnly('tasks/get');
    expect(await say({ error: { code: -32000, message: 'somebody else says' } })).not.toContain('somebody else says');
  });

  test('nobody is asked where it says no more than how the task stands', async () => {
    expect(await say({})).toContain('notifications/tasks');
    expect(operations()).toEqual([['tools/call', 'read']]);
  });
});

const redact = (value: Record<string, string | string[]>): Behaviour => {
  return allow({ conditions: [{ type: 'redact', value: { method: 'mask', ...value } }] });
};
const MODERN_TASK = { resultType: 'task', taskId: 't-1', status: 'working' };
const LEGACY_TASK = { task: { taskId: 't-1', status: 'working' } };

describe('an answer that only names a task', () => {
  const answers = async (result: object, isModern: boolean): Promise<string> => {
    upstream.script = (_request, response) => answerJson(response, { jsonrpc: '2.0', id: 1, result });
    return (await (isModern ? harness.post(MODERN, MIRRORS) : harness.post(CALL))).text;
  };

  test.each([
    ['2026-07-28', MODERN_TASK, true],
    ['2025-11-25', LEGACY_TASK, false],
  ])('is refused where what comes back has to be redacted (%s)', async (_revision, task, isModern) => {
    for (const value of [{}, { direction: 'response' }, { fields: ['email'] }]) {
      client.behaviour = redact(value);
      const text = await answers(task, isModern);
      expect([text, text.includes('t-1')]).toEqual([expect.stringContaining('cannot be redacted'), false]);
    }
  });

  test.each([{ direction: 'request' }, { fields: ['arguments.email'] }])(
    'passes under an order of %j',
    async (value) => {
      client.behaviour = redact(value);
      expect(await answers(MODERN_TASK, true)).toContain('t-1');
    },
  );

  test('a result of a tool that speaks of a task is none', async () => {
    client.behaviour = redact({});
    expect(await answers({ content: [], task: { title: 'sweep' } }, false)).toContain('sweep');
  });
});

/** Answers every request with a task, and tells at once what it brought. */
const TASKS = String.raw`
const lines = require('node:readline').createInterface({ input: process.stdin });
const say = (message) => process.stdout.write(JSON.stringify({ jsonrpc: '2.0', ...message }) + '\n');
lines.on('line', (line) => {
  const { id, params } = JSON.parse(line);
  const result = { content: [{ type: 'text', text: 'somebody else says' }] };
  if (params.name === 'tell') say({ method: 'notifications/tasks', params: { taskId: 't-1', status: 'completed', result } });
  say({ id, result: { resultType: 'task', taskId: 't-1', status: 'working' } });
});
`;

test('the same behind the stdio wrapper', async () => {
  const wrapped = await wrap({ server: TASKS });
  const call = (id: number, name: string) => ({ ...MODERN, id, params: { ...MODERN.params, name } });
  wrapped.client.behaviour = redact({});
  wrapped.say(call(1, 'start'));
  expect(await wrapped.next()).toMatchObject({ id: 1, error: { data: { code: 'UPSTREAM_FAILED' } } });
  wrapped.client.behaviour = denyOnly('tasks/get');
  wrapped.say(call(2, 'tell'));
  expect(await wrapped.next()).toMatchObject({ id: 2, result: { taskId: 't-1' } });
  wrapped.client.behaviour = allow();
  wrapped.say(call(3, 'tell'));
  const heard = [await wrapped.next(), await wrapped.next()];
  expect(new Set(heard.map(({ method, id }) => method ?? id))).toEqual(new Set(['notifications/tasks', 3]));
  expect(wrapped.spoken.join('')).toContain('somebody else says');
  expect(wrapped.client.asked.filter(({ tool }) => tool?.operation === 'tasks/get')).toHaveLength(2);
});
