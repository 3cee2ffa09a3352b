import { describe, expect, test } from '@jest/globals';
import type { CanonicalRequest, Condition, Json, JsonObject } from '@portcullis/policy/model';
import { systemClock } from '@portcullis/runtime';
import { redactionConfig } from '../../redact/config.js';
import { createRedactor } from '../../redact/redactor.js';
import { decisionOn } from '../../testing/fake-policy-client.js';
import { type AnswerRedaction, createAnswerRedaction } from './redaction.js';

const CARD = '4111 1111 1111 1111';
const REQUEST: CanonicalRequest = {
  version: '1.0',
  tenant_id: 'acme',
  source: 'a2a_proxy',
  kind: 'a2a',
  agent: { id: 'a' },
  context: { timestamp: '2026-01-01T00:00:00Z', request_id: 'r' },
};
const redactor = createRedactor({
  config: redactionConfig.parse({}),
  hashKey: Buffer.alloc(32, 7),
  clock: systemClock,
  observer: { redacted: () => undefined },
});

function redaction(value: JsonObject = { method: 'mask' }, conditions?: readonly Condition[]) {
  const decision = decisionOn(REQUEST, { conditions: conditions ?? [{ type: 'redact', value }] });
  const attempt = { request: REQUEST, server: 'books', direction: 'client_to_server', payload: undefined } as const;
  const plan = redactor.plan(decision, attempt);
  if (plan === undefined) throw new Error('nothing to redact');
  return { plan, answer: createAnswerRedaction(plan, 1_000_000) };
}

const answered = (result: Json): JsonObject => ({ jsonrpc: '2.0', id: 1, result });
/** In the shape of either generation. */
const SHAPES = {
  '1.0': {
    update: (text: string | undefined, more: JsonObject = {}) =>
      answered({
        artifactUpdate: {
          taskId: 't',
          contextId: 'c',
          artifact: { artifactId: 'a', parts: text === undefined ? [] : [{ text }] },
          append: true,
          ...more,
        },
      }),
    ended: answered({ statusUpdate: { taskId: 't', contextId: 'c', status: { state: 'TASK_STATE_COMPLETED' } } }),
    going: answered({ statusUpdate: { taskId: 't', contextId: 'c', status: { state: 'TASK_STATE_WORKING' } } }),
    task: (text: string) =>
      answered({
        task: {
          id: 't',
          contextId: 'c',
          status: { state: 'TASK_STATE_WORKING' },
          artifacts: [{ artifactId: 'a', parts: [{ text }] }],
        },
      }),
  },
  '0.3': {
    update: (text: string | undefined, more: JsonObject = {}) =>
      answered({
        kind: 'artifact-update',
        taskId: 't',
        contextId: 'c',
        artifact: { artifactId: 'a', parts: text === undefined ? [] : [{ kind: 'text', text }] },
        append: true,
        ...more,
      }),
    ended: answered({
      kind: 'status-update',
      taskId: 't',
      contextId: 'c',
      final: true,
      status: { state: 'completed' },
    }),
    going: answered({ kind: 'status-update', taskId: 't', contextId: 'c', final: false, status: { state: 'working' } }),
    task: (text: string) =>
      answered({
        kind: 'task',
        id: 't',
        contextId: 'c',
        status: { state: 'working' },
        artifacts: [{ artifactId: 'a', parts: [{ kind: 'text', text }] }],
      }),
  },
} as const;

/** All text of an answer, in its order. */
function texts(value: Json): string {
  if (Array.isArray(value)) return (value as readonly Json[]).map(texts).join('');
  if (typeof value !== 'object' || value === null) return '';
  return Object.entries(value)
    .map(([name, member]) => (name === 'text' && typeof member === 'string' ? member : texts(member)))
    .join('');
}
async function streamed(messages: readonly JsonObject[]): Promise<{ text: string; events: readonly JsonObject[] }> {
  const events = await eventsOf(redaction().answer, messages);
  return { text: events.map(texts).join(''), events };
}
async function eventsOf(answer: AnswerRedaction, messages: readonly JsonObject[]): Promise<readonly JsonObject[]> {
  const events: JsonObject[] = [];
  for (const message of messages) events.push(...(await answer.event(message)));
  return [...events, ...(await answer.rest())];
}
const WANTED = 'Pay with **** **** **** 1111, please.';
const SAID = `Pay with ${CARD}, please.`;

describe.each(['1.0', '0.3'] as const)('in a stream of A2A %s', (generation) => {
  const { update, ended, going, task } = SHAPES[generation];
  const SSN = '219-09-9999';
  const FOUND = { ssn: SSN, name: 'Ada' };

  test.each<[string, Condition, string, string]>([
    ['masked', { type: 'mask_fields', value: ['ssn'] }, JSON.stringify(FOUND), '{"ssn":"***","name":"Ada"}'],
    ['left where only what is asked has any', { type: 'mask_fields', value: ['arguments.ssn'] }, '{"ssn', '{"ssn'],
    ['masked, of several', { type: 'mask_fields', value: ['ssn'] }, JSON.stringify(FOUND).repeat(2), '***'],
    [
      'masked, of one without an end',
      { type: 'mask_fields', value: ['ssn'] },
      JSON.stringify(FOUND).slice(0, 17),
      '***',
    ],
    [
      'searched',
      { type: 'redact', value: { fields: ['ssn'], detectors: ['ssn'], method: 'drop' } },
      JSON.stringify(FOUND),
      '{"ssn":"","name":"Ada"}',
    ],
  ])('fields of JSON in pieces are %s', async (_how, condition, text, expected) => {
    for (const cut of [1, 9, 15]) {
      const { answer } = redaction({}, [condition]);
      const events = await eventsOf(answer, [update(text.slice(0, cut)), update(text.slice(cut)), ended]);
      expect(events.map(texts).join('')).toBe(expected);
      expect(JSON.stringify(events)).not.toContain('219');
    }
  });

  test('a value that is cut anywhere is found, however the artifact ends', async () => {
    for (let at = 0; at <= SAID.length; at += 1) {
      const [head, tail] = [SAID.slice(0, at), SAID.slice(at)];
      expect((await streamed([update(head), update(tail, { lastChunk: true }), ended])).text).toBe(WANTED);
      expect((await streamed([update(head), update(tail), ended])).text).toBe(WANTED);
      expect((await streamed([update(head), going, update(tail)])).text).toBe(WANTED);
      expect((await streamed([task(head), update(tail), update(undefined, { lastChunk: true })])).text).toBe(WANTED);
    }
  });

  test('letter by letter, and nothing else of it changes', async () => {
    const messages = Array.from(SAID, (letter) => update(letter));
    const { text, events } = await streamed([...messages, ended]);
    expect(text).toBe(WANTED);
    expect(events.at(-1)).toEqual(ended);
    expect(events.length).toBeLessThanOrEqual(messages.length + 2);
    expect((await streamed([update('all is well', { lastChunk: true })])).events).toEqual([
      update('all is well', { lastChunk: true }),
    ]);
  });

  test('what takes the place of an artifact begins anew; what was held back of the old comes first', async () => {
    const { events } = await streamed([update('4111 1111'), update('1111 1111', { append: false }), ended]);
    expect(events.map(texts).filter((text) => text !== '')).toEqual(['4111 1111', '1111 1111']);
  });

  test('an artifact that goes on after its end is not redacted in halves', async () => {
    const half = update('4111 1111 ', { lastChunk: true });
    await expect(streamed([half, update('1111 1111')])).rejects.toThrow(/had ended/);
    await expect(streamed([update('4111 1111 '), ended, update('1111 1111')])).rejects.toThrow(/had ended/);
  });

  test('placeholders of the agent’s own values are put back, also in pieces', async () => {
    const { plan, answer } = redaction({ method: 'tokenize' });
    const payload = JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'x',
      params: { message: { parts: [{ text: CARD }] } },
    });
    const token = /\[[A-Z_]+\d+\]/.exec(await plan.request(payload))?.[0] ?? '';
    expect(token).not.toBe('');
    const messages = Array.from(`for ${token}`, (letter) => update(letter));
    const events = await eventsOf(answer, messages);
    expect(events.map(texts).join('')).toBe(`for ${CARD}`);
  });
});

describe('in an answer that is whole', () => {
  test('a value that is cut by parts is found; the rest stays as it was', async () => {
    for (let at = 0; at <= SAID.length; at += 1) {
      const parts = [{ text: SAID.slice(0, at) }, { data: { total: 1.5 } }, { text: SAID.slice(at) }];
      const shown = await redaction().answer.whole(answered({ message: { messageId: CARD, parts } }));
      expect(texts(shown)).toBe(WANTED);
      expect(shown).toMatchObject({
        result: { message: { messageId: CARD, parts: [{}, { data: { total: 1.5 } }, {}] } },
      });
    }
  });

  test('metadata, data, names and errors are searched as well', async () => {
    const { answer } = redaction();
    const message = { parts: [{ data: { id: CARD } }], metadata: { note: CARD } };
    expect(JSON.stringify(await answer.whole(answered({ message })))).not.toContain(CARD);
    expect(
      JSON.stringify(await answer.whole({ jsonrpc: '2.0', id: 1, error: { code: 1, message: CARD } })),
    ).not.toContain(CARD);
  });

  test('fields are masked where policies name them', async () => {
    const { plan, answer } = redaction(undefined, [
      { type: 'mask_fields', value: ['arguments.message.metadata.pin', 'result.task.metadata'] },
    ]);
    const payload = {
      jsonrpc: '2.0',
      id: 1,
      method: 'x',
      params: { message: { parts: [], metadata: { pin: 'abcd', b: 'c' } } },
    };
    expect(JSON.parse(await plan.request(JSON.stringify(payload)))).not.toMatchObject({
      params: { message: { metadata: { pin: 'abcd' } } },
    });
    expect(JSON.parse(await plan.request(JSON.stringify(payload)))).toMatchObject({
      params: { message: { metadata: { b: 'c' } } },
    });
    expect(await answer.whole(answered({ task: { metadata: { a: 'secret' } } }))).not.toMatchObject({
      result: { task: { metadata: { a: 'secret' } } },
    });
  });
});
