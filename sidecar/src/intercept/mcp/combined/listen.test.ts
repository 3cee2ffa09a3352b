/** Subscriptions of 2026-07-28 at the endpoint of all servers: several streams are one. */

import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { allow, deny, fakePolicyClient } from '../../../testing/fake-policy-client.js';
import { type Answered, type Harness, startHarness } from '../../../testing/proxy-harness.js';
import { answerJson, type RecordingUpstream, recordingUpstream } from '../../../testing/recording-upstream.js';

const client = fakePolicyClient();
let harness: Harness;
let servers: Record<'a' | 'b', RecordingUpstream>;
/** What each does once it was asked to tell. */
let telling: Record<'a' | 'b', (response: ServerResponse, id: unknown, wanted: object) => void>;

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: { readonly notifications?: object; readonly uri?: string };
  readonly result?: object;
}
const event = (message: object): string => `id: 7\ndata: ${JSON.stringify({ jsonrpc: '2.0', ...message })}\n\n`;
const ack = (notifications: object): string =>
  event({ method: 'notifications/subscriptions/acknowledged', params: { notifications } });
const updated = (uri: string): string => event({ method: 'notifications/resources/updated', params: { uri } });
const end = (id: unknown): string => event({ id, result: { resultType: 'complete' } });

const start = (name: 'a' | 'b'): Promise<RecordingUpstream> =>
  recordingUpstream(({ body }, response) => {
    const { id, method, params } = JSON.parse(body) as Message;
    const resources = [{ uri: `${name}://1` }, { uri: 'shared://1' }];
    if (method === 'resources/list') {
      return answerJson(response, { jsonrpc: '2.0', id, result: { resultType: 'complete', resources } });
    }
    if (method !== 'subscriptions/listen') {
      return answerJson(response, { jsonrpc: '2.0', id, error: { code: -32601, message: 'no' } });
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    return telling[name](response, id, params?.notifications ?? {});
  });

beforeEach(async () => {
  client.behaviour = allow();
  client.asked.length = 0;
  client.settled.length = 0;
  telling = {
    a: (response, id, wanted) => response.end(ack(wanted) + updated('a://1') + end(id)),
    b: (response, id, wanted) => response.end(ack(wanted) + updated('b://1') + end(id)),
  };
  servers = { a: await start('a'), b: await start('b') };
  harness = await startHarness({
    client,
    upstreamUrl: 'http://127.0.0.1:9/mcp',
    upstreams: Object.entries(servers).map(([name, { url }]) => ({ name, url })),
    combined: true,
  });
});
afterEach(async () => {
  await harness.close();
  await Promise.all(Object.values(servers).map((server) => server.close()));
});

const MODERN = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientInfo': { name: 't', version: '1' },
  'io.modelcontextprotocol/clientCapabilities': {},
};
const listen = (notifications: unknown): Promise<Answered> =>
  harness.send({
    path: '/mcp',
    headers: [
      ...['content-type', 'application/json', 'accept', 'application/json, text/event-stream'],
      ...['mcp-protocol-version', '2026-07-28', 'mcp-method', 'subscriptions/listen'],
    ],
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 4,
      method: 'subscriptions/listen',
      params: { notifications, _meta: MODERN },
    }),
  });
const eventsOf = ({ text }: Answered): Message[] =>
  text
    .split('\n')
    .filter((line) => line.startsWith('data: '))
    .map((line) => JSON.parse(line.slice(6)) as Message);
const askedOf = (server: RecordingUpstream): unknown[] =>
  server.requests
    .map(({ body }) => JSON.parse(body) as Message)
    .filter(({ method }) => method === 'subscriptions/listen')
    .map(({ params }) => params?.notifications);
const BOTH = { toolsListChanged: true, resourceSubscriptions: ['a://1', 'b://1'] };

describe('a subscription', () => {
  test('asks each server for its own, and is acknowledged once, before anything else', async () => {
    const answer = await listen(BOTH);
    const [first, ...others] = eventsOf(answer);
    expect(first).toMatchObject({
      method: 'notifications/subscriptions/acknowledged',
      params: {
        notifications: { toolsListChanged: true, resourceSubscriptions: expect.arrayContaining(['a://1', 'b://1']) },
        _meta: { 'io.modelcontextprotocol/subscriptionId': 4 },
      },
    });
    expect(new Set(others.slice(0, 2).map(({ params }) => params?.uri))).toEqual(new Set(['a://1', 'b://1']));
    expect(others.slice(2)).toMatchObject([{ id: 4, result: { resultType: 'complete' } }]);
    expect(answer.text).not.toContain('id: 7');
    expect([askedOf(servers.a), askedOf(servers.b)]).toEqual([
      [{ toolsListChanged: true, resourceSubscriptions: ['a://1'] }],
      [{ toolsListChanged: true, resourceSubscriptions: ['b://1'] }],
    ]);
    const asked = client.asked.filter(({ tool }) => tool?.operation === 'subscriptions/listen');
    expect(asked.map(({ kind, tool }) => [kind, tool?.server])).toEqual([
      ['resource', 'a'],
      ['resource', 'b'],
    ]);
    expect(client.settled.filter(({ outcome }) => outcome === 'forwarded').length).toBeGreaterThan(1);
  });

  test('does not hear of a resource from another server, nor what was not asked for', async () => {
    telling.b = (response, id) =>
      response.end(
        updated('b://1') +
          ack({ promptsListChanged: true, resourceSubscriptions: ['a://1'] }) +
          updated('a://1') +
          end(id),
      );
    const events = eventsOf(await listen({ resourceSubscriptions: ['a://1', 'b://1'] }));
    expect(events[0]?.params?.notifications).toEqual({ resourceSubscriptions: ['a://1'] });
    // Of its own resource it told too early, of the other's it may not.
    expect(events.flatMap(({ params }) => params?.uri ?? [])).toEqual(['a://1']);
  });

  test('ends without a result as soon as one server breaks off, and everywhere', async () => {
    const { promise: left, resolve: leave } = Promise.withResolvers<void>();
    telling.a = (response, _id, wanted) => {
      response.on('close', leave);
      response.write(ack(wanted));
    };
    telling.b = (response, _id, wanted) => response.end(ack(wanted));
    expect(eventsOf(await listen(BOTH)).map(({ method }) => method)).toEqual([
      'notifications/subscriptions/acknowledged',
    ]);
    await left;
  });

  test('goes on without a server that is down or may not be listened to', async () => {
    client.behaviour = (request) =>
      (request.tool?.server === 'b' && request.tool.operation === 'subscriptions/listen' ? deny() : allow())(request);
    const events = eventsOf(await listen(BOTH));
    expect(events[0]?.params?.notifications).toEqual({ toolsListChanged: true, resourceSubscriptions: ['a://1'] });
    expect(events.at(-1)).toMatchObject({ id: 4, result: {} });
    expect(askedOf(servers.b)).toEqual([]);
    expect(await harness.registry.metrics()).toMatch(/combined_servers_missing_total 1\n/);
  });

  test('that nobody acknowledges is an error', async () => {
    telling = { a: (response) => response.end(), b: (response, id) => response.end(end(id)) };
    const { json } = await listen(BOTH);
    expect(json).toMatchObject({ id: 4, error: { code: -31502 } });
  });

  test.each([
    [{ resourceSubscriptions: ['shared://1'] }],
    [{ resourceSubscriptions: ['nobody://1'] }],
    [{ resourceSubscriptions: [7] }],
    [{ resourceSubscriptions: 'a://1' }],
    [{ toolsListChanged: false }],
    [{ evil: true }],
    ['all'],
  ])('to %j is refused, and nobody is asked for it', async (wanted) => {
    expect((await listen(wanted)).json.error?.code).toBe(-32602);
    expect([...askedOf(servers.a), ...askedOf(servers.b)]).toEqual([]);
  });

  test('is cut off everywhere when it is stopped', async () => {
    const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
    telling.a = (response, _id, wanted) => void response.write(ack(wanted));
    telling.b = (response, _id, wanted) => {
      response.write(ack(wanted));
      begin();
    };
    const listening = listen({ toolsListChanged: true }).then(
      () => 'ended',
      () => 'cut off',
    );
    await begun;
    client.behaviour = deny({ code: 'KILL_SWITCH' });
    harness.killEpoch('pdp:1', 1);
    expect(await listening).toBe('cut off');
  });
});
