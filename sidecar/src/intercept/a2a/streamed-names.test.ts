/** Names that only a service knows, in streams of A2A: an artifact is asked about as the one text that it is. */

import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { CanonicalRequest, Json, JsonObject } from '@portcullis/policy/model';
import { systemClock } from '@portcullis/runtime';
import { redactionConfig } from '../../redact/config.js';
import { NerFailure } from '../../redact/ner/port.js';
import { type OpenedRedactor, openRedactor } from '../../redact/open.js';
import { decisionOn } from '../../testing/fake-policy-client.js';
import { type FakePresidio, startFakePresidio } from '../../testing/fake-presidio.js';
import { type AnswerRedaction, createAnswerRedaction } from './redaction.js';

const REQUEST: CanonicalRequest = {
  version: '1.0',
  tenant_id: 'acme',
  source: 'a2a_proxy',
  kind: 'a2a',
  agent: { id: 'a' },
  context: { timestamp: '2026-01-01T00:00:00Z', request_id: 'r' },
};
let presidio: FakePresidio;
let redactor: OpenedRedactor;
beforeEach(async () => {
  presidio = await startFakePresidio();
  redactor = await openRedactor(redactionConfig.parse({ ner: { url: presidio.url } }), {
    clock: systemClock,
    observer: { redacted: () => undefined },
    noted: () => undefined,
  });
});
afterEach(async () => {
  redactor.close();
  await presidio.close();
});

function answer(maxHeld = 1_000, more: JsonObject = {}): AnswerRedaction {
  const value = { ner: true, method: 'mask', placeholder: '[X]', direction: 'response', ...more };
  const attempt = { request: REQUEST, server: 'books', direction: 'client_to_server', payload: undefined } as const;
  const plan = redactor.plan(decisionOn(REQUEST, { conditions: [{ type: 'redact', value }] }), attempt);
  if (plan === undefined) throw new Error('nothing is planned');
  return createAnswerRedaction(plan, maxHeld);
}

const event = (result: JsonObject): JsonObject => ({ jsonrpc: '2.0', id: 1, result });
const piece = (text: string, more: JsonObject = {}, artifactId = 'a'): JsonObject =>
  event({
    artifactUpdate: { taskId: 't', contextId: 'c', artifact: { artifactId, parts: [{ text }] }, append: true, ...more },
  });
const status = (state: string, said?: string): JsonObject => {
  const message =
    said === undefined ? {} : { message: { role: 'ROLE_AGENT', messageId: 'm', parts: [{ text: said }] } };
  return event({ statusUpdate: { taskId: 't', contextId: 'c', status: { state, ...message } } });
};
/** The texts of messages, in their order. */
const textsOf = (value: Json | readonly JsonObject[]): readonly string[] => {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, member]) =>
    name === 'text' && typeof member === 'string' ? [member] : textsOf(member),
  );
};
async function textsAfter(redaction: AnswerRedaction, messages: readonly JsonObject[]): Promise<readonly string[][]> {
  const said: string[][] = [];
  for (const message of messages) said.push([...textsOf(await redaction.event(message))]);
  return [...said, [...textsOf(await redaction.rest())]];
}

const SENTENCE = 'It was Ada Lovelace who has written it. ';
const LONG = SENTENCE + 'And nobody else was there to do that. '.repeat(6);

test.each([1, 7, 50])('sentences of an artifact go on before its end, in pieces of %i', async (size) => {
  const pieces = LONG.match(new RegExp(`.{1,${size}}`, 'gs')) ?? [];
  const said = await textsAfter(answer(), [...pieces.map((text) => piece(text)), piece('', { lastChunk: true })]);
  expect(said.flat().join('')).toBe(LONG.replace('Ada Lovelace', '[X]'));
  expect(said.slice(0, -2).flat().join('')).toContain(SENTENCE.replace('Ada Lovelace', '[X]'));
});

test('wherever it is cut', async () => {
  const at = LONG.indexOf('Ada');
  for (let cut = at; cut <= at + 'Ada Lovelace'.length; cut += 1) {
    const said = await textsAfter(answer(), [piece(LONG.slice(0, cut)), piece(LONG.slice(cut))]);
    expect([cut, said.flat().join('')]).toEqual([cut, LONG.replace('Ada Lovelace', '[X]')]);
  }
});

test('where an order is about fields, nothing of an artifact goes on before its end', async () => {
  const redaction = answer(1_000, { fields: ['result'] });
  const said = await textsAfter(redaction, [
    piece(LONG.slice(0, 10)),
    piece(LONG.slice(10)),
    piece('', { lastChunk: true }),
  ]);
  expect(said).toEqual([[''], [''], [LONG.replace('Ada Lovelace', '[X]')], []]);
});

test('a placeholder of what the agent has said comes back as that, and of nothing else', async () => {
  const value = { ner: true, method: 'tokenize' };
  const attempt = { request: REQUEST, server: 'books', direction: 'client_to_server', payload: undefined } as const;
  const plan = redactor.plan(decisionOn(REQUEST, { conditions: [{ type: 'redact', value }] }), attempt);
  const sent = {
    jsonrpc: '2.0',
    id: 1,
    method: 'SendMessage',
    params: { message: { parts: [{ text: 'Ada Lovelace' }] } },
  };
  expect(await plan?.request(JSON.stringify(sent))).toContain('[PERSON_1]');
  if (plan === undefined) throw new Error('nothing is planned');
  const said = await textsAfter(createAnswerRedaction(plan, 1_000), [
    piece(`[PERSON_1] knows José Müller. ${LONG}`),
    piece('', { lastChunk: true }),
  ]);
  expect(said.flat().join('')).toBe(`Ada Lovelace knows [PERSON_2]. ${LONG}`);
});

test('one that is cut by events is found, and of a short artifact nothing goes on before its end', async () => {
  const stream = [piece('by Ada '), piece('Love'), piece('lace, 4111 1111'), piece(' 1111 1111', { lastChunk: true })];
  const said = await textsAfter(answer(), stream);
  expect(said).toEqual([[''], [''], [''], ['by [X], [X]'], []]);
});

test('an artifact without an end goes on before the last event of the task, or after the stream', async () => {
  expect(await textsAfter(answer(), [piece('Ada '), piece('Lovelace'), status('TASK_STATE_COMPLETED')])).toEqual([
    [''],
    [''],
    ['[X]'],
    [],
  ]);
  expect(await textsAfter(answer(), [piece('Ada '), piece('Lovelace')])).toEqual([[''], [''], ['[X]']]);
  // Another one in its place: what was goes before it.
  expect(await textsAfter(answer(), [piece('Ada Lovelace'), piece('x', { append: false })])).toEqual([
    [''],
    ['[X]', ''],
    ['x'],
  ]);
});

test('what is said of a task is asked about when it is said', async () => {
  const said = await textsAfter(answer(), [status('TASK_STATE_WORKING', 'asking Ada Lovelace'), piece('x')]);
  expect(said).toEqual([['asking [X]'], [''], ['x']]);
});

test('nothing is said where the service does not answer', async () => {
  presidio.script = (_request, response) => {
    response.writeHead(500).end();
    return true;
  };
  const redaction = answer();
  expect(textsOf(await redaction.event(piece('Ada Lovelace')))).toEqual(['']);
  await expect(redaction.event(piece('', { lastChunk: true }))).rejects.toThrow(NerFailure);
});

test('no more is held than may be', async () => {
  const redaction = answer(10);
  await redaction.event(piece('12345'));
  await redaction.event(piece('12345', { lastChunk: true }, 'b'));
  await redaction.event(piece('12345', {}, 'c'));
  await expect(redaction.event(piece('1', {}, 'd'))).rejects.toThrow(RangeError);
});
