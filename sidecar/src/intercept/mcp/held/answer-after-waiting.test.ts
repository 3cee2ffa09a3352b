/** The answer of the server to a call that waited. */

import { afterEach, describe, expect, test } from '@jest/globals';
import { createHeldPayments, messages, until } from '../../../testing/held-payments.js';
import { answerJson, type Script } from '../../../testing/recording-upstream.js';

const { start, close } = createHeldPayments();
afterEach(close);

describe('the answer of the server to a call that waited', () => {
  const said = (id: number, extra: object = {}): object => ({ jsonrpc: '2.0', id, result: { said: true, ...extra } });

  test.each<[string, Script, object]>([
    [
      'in JSON over several lines',
      (_request, response) => {
        response.writeHead(200, { 'content-type': 'application/json' });
        response.end(JSON.stringify(said(1), null, 2).replaceAll('\n', '\r\n'));
      },
      { result: { said: true } },
    ],
    [
      'in a stream of its own',
      (_request, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.end(`id: 1\ndata: ${JSON.stringify(said(1))}\n\n`);
      },
      { result: { said: true } },
    ],
    [
      'that is an HTTP error',
      (_request, response) => answerJson(response, { error: 'no' }, 500),
      { error: { data: { code: 'UPSTREAM_FAILED' } } },
    ],
    [
      'that is a JSON-RPC error with a status',
      (_request, response) =>
        answerJson(response, { jsonrpc: '2.0', id: 1, error: { code: -32000, message: 'no' } }, 400),
      { error: { code: -32000 } },
    ],
    [
      'that breaks off',
      (_request, response) => void response.destroy(),
      { error: { data: { code: 'UPSTREAM_FAILED' } } },
    ],
  ])('%s is the last event', async (_how, script, expected) => {
    const { people, upstream, harness, calls, payLegacy } = await start();
    upstream.script = script;
    const waiting = payLegacy(1);
    await until(() => harness.news.waiting === 1);
    people.approve();
    harness.news.told('pdp-1', 1);
    const answered = await waiting;
    expect(answered.headers['content-type']).toBe('text/event-stream');
    const told = messages(answered).filter(({ id }) => id === 1);
    expect(told).toEqual([expect.objectContaining({ id: 1 })]);
    expect(told[0]).toMatchObject(expected);
    expect(calls()).toBe(1);
  });

  test('is JSON where the client takes nothing else', async () => {
    const { people, harness } = await start();
    const params = { name: 'pay', arguments: { to: 'bob' } };
    const waiting = harness.send({
      headers: ['content-type', 'application/json', 'accept', 'application/json'],
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params }),
    });
    await until(() => harness.news.waiting === 1);
    people.approve();
    harness.news.told('pdp-1', 1);
    const answered = await waiting;
    expect([answered.headers['content-type'], answered.json.result]).toEqual(['application/json', expect.any(Object)]);
  });
});
