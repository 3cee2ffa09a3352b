import { afterEach, describe, expect, test } from '@jest/globals';
import { CALL, createA2aHarness } from '../../testing/a2a-harness.js';
import { deny, fakePolicyClient } from '../../testing/fake-policy-client.js';

const { started, close } = createA2aHarness();
afterEach(close);

describe('a card', () => {
  const at = (url: string) => ({
    name: 'n',
    supportedInterfaces: [{ url, protocolBinding: 'JSONRPC', protocolVersion: '1.0' }],
  });
  test.each<[string, object | string]>([
    ['is no JSON', '<html>'],
    ['has a key twice', '{"name":"a","name":"b"}'],
    ['is a list', '[]'],
    ['is too large', { name: 'x'.repeat(5000) }],
    ['leads to another host', at('http://evil.example/rpc')],
    ['leads to another port', at('http://127.0.0.1:1/rpc')],
    ['speaks gRPC only', { supportedInterfaces: [{ url: 'x', protocolBinding: 'GRPC', protocolVersion: '1.0' }] }],
    ['speaks another version', { url: 'http://127.0.0.1/', protocolVersion: '0.2.6' }],
    ['has a skill twice', { ...at('http://127.0.0.1/'), skills: [{ id: 'a' }, { id: 'a' }] }],
    ['has a skill without id', { ...at('http://127.0.0.1/'), skills: [{ name: 'a' }] }],
  ])('that %s does not count, and nothing is sent', async (_what, card) => {
    const { send, policy, posts } = await started({ card, limits: { maxCardBytes: 1024 } });
    const { json } = await send(CALL);
    expect(json.error).toMatchObject({ code: -31503, data: { code: 'IDENTITY_REJECTED' } });
    expect([policy.asked, posts()]).toEqual([[], []]);
    expect((await send(undefined, { method: 'GET', path: '/a2a/books/.well-known/agent-card.json' })).status).toBe(502);
  });

  test('of both generations leads to the sidecar in both', async () => {
    const { send, port, upstream } = await started();
    const { json, text } = await send(undefined, { method: 'GET', path: '/a2a/books/.well-known/agent.json' });
    const url = `http://127.0.0.1:${port}/a2a/books`;
    expect(json).toMatchObject({
      url,
      preferredTransport: 'JSONRPC',
      supportedInterfaces: [
        { url, protocolBinding: 'JSONRPC', protocolVersion: '1.0', tenant: 't' },
        { url, protocolBinding: 'JSONRPC', protocolVersion: '0.3' },
        { url, protocolBinding: 'HTTP+JSON', protocolVersion: '1.0', tenant: 't' },
      ],
      skills: [{ id: 'report', name: 'Report' }],
    });
    expect(text).not.toMatch(new RegExp(`${upstream.port}|oauth`));
  });

  test.each([
    [256, 200],
    [257, 503],
  ])('with %i skills is answered with %i: each costs a question', async (count, status) => {
    const skills = Array.from({ length: count }, (_skill, index) => ({ id: `s${index}` }));
    const { send, policy } = await started({ card: (port) => ({ ...at(`http://127.0.0.1:${port}/`), skills }) });
    const answered = await send(undefined, { method: 'GET', path: '/a2a/books/.well-known/agent-card.json' });
    expect(answered.status).toBe(status);
    expect(policy.asked.length).toBe(status === 200 ? count + 1 : 1);
  });

  test('is not shown when it may not be seen', async () => {
    const { send, upstream } = await started({ policy: fakePolicyClient(deny()) });
    const answered = await send(undefined, { method: 'GET', path: '/a2a/books/.well-known/agent-card.json' });
    expect([answered.status, upstream.requests]).toEqual([403, []]);
  });
});
