/** Names that only a service knows, in messages of MCP. */

import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { JsonObject, LayerNote } from '@portcullis/policy/model';
import { systemClock } from '@portcullis/runtime';
import type { Attempt } from '../enforce/guard.js';
import { decisionOn } from '../testing/fake-policy-client.js';
import { type FakePresidio, startFakePresidio } from '../testing/fake-presidio.js';
import { redactionConfig } from './config.js';
import { createLayerNotes } from './layers.js';
import { type OpenedRedactor, openRedactor } from './open.js';
import type { Redaction } from './redactor.js';

const NAME = 'Ada Lovelace';
let presidio: FakePresidio;
let redactor: OpenedRedactor;
let notes: LayerNote[];

beforeEach(async () => {
  presidio = await startFakePresidio();
  notes = [];
  redactor = await openRedactor(redactionConfig.parse({ ner: { url: presidio.url } }), {
    clock: systemClock,
    observer: { redacted: () => undefined },
    noted: (_decision, note) => notes.push(note),
  });
});
afterEach(async () => {
  redactor.close();
  await presidio.close();
});

function planned(...orders: readonly JsonObject[]): Redaction {
  const request = {
    version: '1.0',
    tenant_id: 'acme',
    agent: { id: 'a' },
    context: { timestamp: '2026-01-01T00:00:00Z', request_id: 'r' },
  } as Attempt['request'];
  const attempt: Attempt = { request, server: 'mail', direction: 'client_to_server', payload: '{}' };
  const conditions = orders.map((value) => ({ type: 'redact' as const, value: { ner: true, ...value } }));
  const plan = redactor.plan(decisionOn(request, { conditions }), attempt);
  if (plan === undefined) throw new Error('nothing is planned');
  return plan;
}

const call = (args: JsonObject): string =>
  JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'send', arguments: args } });
const result = (text: string): string =>
  JSON.stringify({ jsonrpc: '2.0', id: 1, result: { content: [{ type: 'text', text }] } });

test('names go, and every other byte stays', async () => {
  const source = call({ to: NAME, note: JSON.stringify({ by: `😀 ${NAME}` }), n: 1.5 });
  expect(await planned({ method: 'drop' }).request(source)).toBe(
    call({ to: '', note: JSON.stringify({ by: '😀 ' }), n: 1.5 }),
  );
  expect(notes.at(-1)).toEqual({ layers: ['ner'], ner: 'answered' });
});

test('a placeholder comes back as the name, and is not taken for one itself', async () => {
  const plan = planned({ method: 'tokenize' });
  expect(await plan.request(call({ to: `${NAME} of Portsmouth` }))).toBe(call({ to: '[PERSON_1] of [LOCATION_1]' }));
  expect(await plan.response(result('sent to [PERSON_1]'))).toBe(result(`sent to ${NAME}`));
});

test('capitals in brackets are a placeholder only where a label of ours stands in them', async () => {
  presidio.script = ({ text }, answer) => {
    const start = String(text).indexOf('SMITH');
    answer.writeHead(200, { 'content-type': 'application/json' });
    answer.end(JSON.stringify(start < 0 ? [] : [{ entity_type: 'PERSON', start, end: start + 5, score: 0.9 }]));
    return true;
  };
  const plan = planned({ method: 'drop' });
  const source = call({ to: '[SMITH]', by: '[SMITH] wrote', of: '[SMITH_1]' });
  expect(await plan.request(source)).toBe(call({ to: '[]', by: '[] wrote', of: '[_1]' }));
  const own = call({ to: '[PERSON_1]', by: '[CARD:abcdefghijklmnopabcd]', of: '[CUSTOM]', at: '[US_PASSPORT_2]' });
  presidio.asked.length = 0;
  expect(await plan.request(own)).toBe(own);
  expect(presidio.asked).toEqual([]);
});

test('one order after the other, each looks at what the one before has left', async () => {
  const plan = planned({ method: 'hash', detectors: ['email'] }, { method: 'mask', placeholder: '<gone>' });
  expect(await plan.request(call({ to: `${NAME} <a@example.org>` }))).toBe(call({ to: '<gone> <<gone>>' }));
});

test('only what an order looks at is asked about, and nothing of names of tools', async () => {
  await planned({ method: 'drop', fields: ['arguments.to'] }).request(call({ to: 'x Portsmouth', note: NAME }));
  expect(presidio.asked.map(({ text }) => text)).toEqual(['x Portsmouth']);
});

test('without an answer nothing is redacted, so nothing passes', async () => {
  presidio.script = (_question, answer) => {
    answer.writeHead(500).end();
    return true;
  };
  const plan = planned({ method: 'drop' });
  await expect(plan.request(call({ to: NAME }))).rejects.toMatchObject({ outcome: 'failed' });
  await expect(plan.response(result(NAME))).rejects.toMatchObject({ outcome: 'failed' });
  expect(notes.at(-1)).toEqual({ layers: [], ner: 'failed' });
});

test('the worst of several answers is what the record says, once', () => {
  const settled: unknown[] = [];
  const layers = createLayerNotes();
  const client = layers.client({
    ask: async () => ({ kind: 'failure', failure: { code: 'PDP_UNAVAILABLE', message: '' } }),
    stops: async () => undefined,
    settle: (settlement) => void settled.push(settlement.redaction),
    report: async () => true,
    refused: () => undefined,
    ready: true,
    close: async () => undefined,
  });
  layers.note('d', { layers: ['secrets'], ner: 'answered' });
  layers.note('d', { layers: ['recognisers'], ner: 'late' });
  layers.note('d', { layers: ['ner'], ner: 'answered' });
  const settlement = { decision_id: 'd', request_digest: '', outcome: 'forwarded', duration_ms: 0 } as const;
  client.settle(settlement);
  client.settle(settlement);
  expect(settled).toEqual([{ layers: ['recognisers', 'secrets', 'ner'], ner: 'late' }, undefined]);
});
