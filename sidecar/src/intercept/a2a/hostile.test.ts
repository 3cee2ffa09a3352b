import { afterEach, describe, expect, test } from '@jest/globals';
import { CALL, createA2aHarness, MESSAGE, type SendOptions } from '../../testing/a2a-harness.js';

const { started, close } = createA2aHarness();
afterEach(close);

describe('hostile requests are refused unasked', () => {
  const text = JSON.stringify(CALL);
  const withMessage = (message: object) => ({ ...CALL, params: { message } });
  test.each<[string, unknown]>([
    ['no JSON', '{'],
    ['nothing', ''],
    ['a byte order mark', `\ufeff${text}`],
    ['broken UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d])],
    ['a batch', [CALL]],
    ['an empty batch', []],
    ['a notification', { ...CALL, id: undefined }],
    ['a null id', { ...CALL, id: null }],
    ['a fractional id', { ...CALL, id: 1.5 }],
    ['an answer', { jsonrpc: '2.0', id: 1, result: {} }],
    ['a key twice', text.replace('"id":1', '"id":1,"id":2')],
    ['a key twice, escaped', text.replace('"text":"hi"', '"text":"hi","te\\u0078t":"no"')],
    ['a prototype key', text.replace('"role"', '"__proto__"')],
    ['another member', { ...CALL, extra: 1 }],
    ['parameters as a list', { ...CALL, params: [MESSAGE] }],
    ['no message', { ...CALL, params: {} }],
    ['a message without parts', withMessage({ messageId: 'm' })],
    ['no parts', withMessage({ ...MESSAGE, parts: [] })],
    ['a snake case name', withMessage({ ...MESSAGE, task_id: 't1' })],
    ['another case', withMessage({ ...MESSAGE, Parts: [] })],
    ['another case in a part', withMessage({ ...MESSAGE, parts: [{ Text: 'hi' }] })],
    ['long s', withMessage({ ...MESSAGE, part\u017f: [] })],
    ['a task without id', { ...CALL, method: 'tasks/get', params: {} }],
    ['a task whose id is a number', { ...CALL, method: 'GetTask', params: { id: 7 } }],
    ['too deep', text.replace('"hi"', `${'['.repeat(80)}${']'.repeat(80)}`)],
    ['too large', { ...CALL, params: { message: { ...MESSAGE, parts: [{ text: 'x'.repeat(5000) }] } } }],
  ])('%s', async (_what, body) => {
    const { policy, send, posts } = await started({ limits: { maxBodyBytes: 4096 } });
    const { json } = await send(body);
    expect(json.error?.code).toBeLessThan(0);
    expect([policy.asked, posts()]).toEqual([[], []]);
  });

  test.each<[string, SendOptions, number]>([
    ['another host', { host: 'evil.example' }, 403],
    ['another origin', { headers: ['origin', 'https://evil.example'] }, 403],
    ['an unknown peer', { path: '/a2a/other' }, 404],
    ['no peer', { path: '/a2a/' }, 404],
    ['a path that climbs', { path: '/a2a/books/../other' }, 404],
    ['an escaped path', { path: '/a2a/b%6Foks' }, 404],
    ['a query', { path: '/a2a/books?x' }, 404],
    ['JSON-RPC at an endpoint of the other binding', { path: '/a2a/books/message:send' }, 400],
    ['an endpoint of no binding', { path: '/a2a/books/message:shout' }, 404],
    ['a verb of no binding', { method: 'PUT', path: '/a2a/books/message:send' }, 405],
    ['a body where there is none', { method: 'DELETE', path: '/a2a/books/tasks/t/pushNotificationConfigs/c' }, 400],
    ['a compressed body', { path: '/a2a/books/message:send', headers: ['content-encoding', 'gzip'] }, 415],
    ['gRPC', { headers: ['content-type', 'application/grpc'] }, 415],
    ['a form', { headers: ['content-type', 'text/plain'] }, 415],
    ['a compressed body', { headers: ['content-encoding', 'gzip'] }, 415],
    ['GET', { method: 'GET' }, 405],
    ['PUT', { method: 'PUT' }, 405],
    ['a second content type', { headers: ['content-type', 'application/json', 'content-type', 'text/plain'] }, 400],
    ['a second version', { headers: ['a2a-version', '0.3', 'a2a-version', '1.0'] }, 400],
    ['an upgrade', { headers: ['upgrade', 'h2c', 'connection', 'upgrade'] }, 400],
    [
      'too many fields',
      { headers: Array.from({ length: 240 }, (_field, at) => (at % 2 === 0 ? `x-${at}` : 'y')) },
      431,
    ],
  ])('%s', async (_what, options, status) => {
    const { policy, send, upstream } = await started();
    expect((await send(CALL, options)).status).toBe(status);
    expect([policy.asked, upstream.requests]).toEqual([[], []]);
  });

  test('a version that the method is not of', async () => {
    const { policy, send } = await started();
    const { json } = await send(CALL, { headers: ['a2a-version', '1.0'] });
    expect(json.error?.message).toContain('a2a-version must be 0.3');
    expect(policy.asked).toEqual([]);
  });
});
