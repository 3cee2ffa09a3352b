/** All servers behind one endpoint, through the official client of 2026-07-28 and by hand. */

import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { allow, deny, fakePolicyClient } from '../../../testing/fake-policy-client.js';
import { type Harness, startHarness } from '../../../testing/proxy-harness.js';
import { mcpConfig } from '../config.js';
import { type CombinedParts, combine } from './combined.js';
import { createResourceOwners } from './resource-owners.js';
import { createTaskOwners } from './task-owners.js';

const client = fakePolicyClient();
let servers: Server[] = [];
let harness: Harness;
let sdk: Client | undefined;
let called: string[] = [];
const handlers = new Map<string, ReturnType<typeof createMcpHandler>>();

async function mcpServer(name: string): Promise<string> {
  const handler = createMcpHandler(() => {
    const mcp = new McpServer(
      { name, version: '1' },
      { capabilities: { resources: { subscribe: true, listChanged: true }, tools: { listChanged: true } } },
    );
    for (const tool of ['search', 'delete', '_private__x']) {
      mcp.registerTool(tool, { inputSchema: z.object({ q: z.string().optional() }) }, async ({ q }) => {
        called.push(`${name} ${tool} ${q ?? ''}`);
        return { content: [{ type: 'text', text: `${name} ${tool}` }] };
      });
    }
    mcp.registerResource('one', `${name}://1`, {}, async () => ({ contents: [{ uri: `${name}://1`, text: name }] }));
    mcp.registerPrompt('greet', {}, () => ({
      messages: [{ role: 'user', content: { type: 'text', text: `hello from ${name}` } }],
    }));
    return mcp;
  });
  handlers.set(name, handler);
  const server = createServer((request, response) => {
    void (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const headers = Object.entries(request.headers).map(([key, value]) => [key, String(value)] as [string, string]);
      const url = `http://${request.headers.host}${request.url}`;
      const answer = await handler.fetch(new Request(url, { method: 'POST', headers, body: Buffer.concat(chunks) }));
      response.writeHead(answer.status, Object.fromEntries(answer.headers));
      if (answer.body !== null) for await (const chunk of answer.body) response.write(chunk);
      response.end();
    })().catch(() => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  servers.push(server);
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`;
}

async function connected(): Promise<Client> {
  const one = new Client({ name: 't', version: '1' }, { versionNegotiation: { mode: 'auto' } });
  await one.connect(new StreamableHTTPClientTransport(new URL(`http://127.0.0.1:${harness.port}/mcp`)));
  sdk = one;
  return one;
}

beforeEach(async () => {
  client.behaviour = allow();
  client.asked.length = 0;
  client.settled.length = 0;
  called = [];
  const upstreams = [
    { name: 'notes', url: await mcpServer('notes') },
    { name: 'mail', url: await mcpServer('mail') },
  ];
  harness = await startHarness({
    client,
    upstreamUrl: 'http://127.0.0.1:9/mcp',
    upstreams,
    combined: true,
    definitions: { unseen: 'list', sameNames: 'within_server' },
  });
});
afterEach(async () => {
  await sdk?.close();
  sdk = undefined;
  await harness.close();
  for (const server of servers) {
    server.close();
    server.closeAllConnections();
  }
  servers = [];
});

const MODERN = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientInfo': { name: 't', version: '1' },
  'io.modelcontextprotocol/clientCapabilities': {},
};
const post = (method: string, params: object, name?: string) =>
  harness.send({
    path: '/mcp',
    headers: [
      ...['content-type', 'application/json', 'accept', 'application/json, text/event-stream'],
      ...['mcp-protocol-version', '2026-07-28', 'mcp-method', method],
      ...(name === undefined ? [] : ['mcp-name', name]),
    ],
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: { ...params, _meta: MODERN } }),
  });
const named = (name: string) => ['search', 'delete', '_private__x'].map((tool) => `${name}__${tool}`);

describe('the official client', () => {
  test('sees the tools of all servers under names of their own, and calls them', async () => {
    const one = await connected();
    expect((await one.listTools()).tools.map(({ name }) => name)).toEqual([...named('notes'), ...named('mail')]);
    expect(await one.callTool({ name: 'mail__search', arguments: { q: 'x' } })).toMatchObject({
      content: [{ type: 'text', text: 'mail search' }],
    });
    await one.callTool({ name: 'notes___private__x', arguments: {} });
    expect(called).toEqual(['mail search x', 'notes _private__x ']);
    const calls = client.asked.filter(({ kind }) => kind === 'tool_call').map(({ tool }) => tool);
    expect(calls.map((tool) => [tool?.server, tool?.name, tool?.definition_digest?.length])).toEqual([
      ['mail', 'search', 64],
      ['notes', '_private__x', 64],
    ]);
  });

  test('gets prompts of both', async () => {
    const one = await connected();
    expect((await one.listPrompts()).prompts.map(({ name }) => name)).toEqual(['notes__greet', 'mail__greet']);
    expect(JSON.stringify(await one.getPrompt({ name: 'mail__greet' }))).toContain('hello from mail');
  });

  test('reads resources of both, and hears of them', async () => {
    const one = await connected();
    const heard: string[] = [];
    one.setNotificationHandler('notifications/resources/updated', ({ params }) => void heard.push(params.uri));
    one.setNotificationHandler('notifications/tools/list_changed', () => void heard.push('tools'));
    expect((await one.listResources()).resources.map(({ uri }) => uri)).toEqual(['notes://1', 'mail://1']);
    expect((await one.readResource({ uri: 'mail://1' })).contents).toEqual([{ uri: 'mail://1', text: 'mail' }]);
    const wanted = { toolsListChanged: true, resourceSubscriptions: ['notes://1', 'mail://1'] };
    const listening = await one.listen(wanted);
    expect(new Set(listening.honoredFilter.resourceSubscriptions)).toEqual(new Set(wanted.resourceSubscriptions));
    handlers.get('mail')?.notify.resourceUpdated('mail://1');
    handlers.get('notes')?.notify.resourceUpdated('notes://1');
    handlers.get('notes')?.notify.toolsChanged();
    while (heard.length < 3) await new Promise((resolve) => setTimeout(resolve, 2));
    expect(new Set(heard)).toEqual(new Set(['mail://1', 'notes://1', 'tools']));
    await handlers.get('notes')?.close();
    await handlers.get('mail')?.close();
    expect(await listening.closed).toBe('graceful');
  });

  test('that wants to hear no more is heard of by the servers', async () => {
    const one = await connected();
    const listening = await one.listen({ toolsListChanged: true });
    await listening.close();
    expect(await listening.closed).toBe('local');
    while (client.settled.length < client.asked.length) await new Promise((resolve) => setTimeout(resolve, 2));
  });

  test('sees what it may call of each, and is refused the rest', async () => {
    client.behaviour = (request) =>
      (request.tool?.name === 'delete' && request.tool.server === 'mail' ? deny() : allow())(request);
    const one = await connected();
    const names = (await one.listTools()).tools.map(({ name }) => name);
    expect(names).toContain('notes__delete');
    expect(names).not.toContain('mail__delete');
    await expect(one.callTool({ name: 'mail__delete', arguments: {} })).rejects.toMatchObject({ code: -31403 });
    expect(called).toEqual([]);
  });

  test('still sees the other server where one is down', async () => {
    servers[0]?.close();
    servers[0]?.closeAllConnections();
    const one = await connected();
    expect((await one.listTools()).tools.map(({ name }) => name)).toEqual(named('mail'));
    await expect(one.callTool({ name: 'notes__search', arguments: {} })).rejects.toThrow();
  });
});

describe('by hand', () => {
  test.each([
    ['a name without a server', 'search', -32602],
    ['a name of no server', 'other__search', -32602],
    ['the name of a server that every object has', 'constructor__search', -32602],
    ['a tool that may not be named', 'mail__../x', -32602],
    ['nothing of a server', 'mail__', -32602],
  ])('%s is refused, and reaches nobody', async (_what, name, code) => {
    expect((await post('tools/call', { name, arguments: {} }, name)).json.error?.code).toBe(code);
    expect(called).toEqual([]);
  });

  test.each(['resources/subscribe', 'logging/setLevel', 'ping', 'evil'])(
    '%s is not served to this generation, and not asked about',
    async (method) => {
      const answer = await post(method, method === 'resources/subscribe' ? { uri: 'a://b' } : {});
      expect([answer.status, answer.json.error?.code]).toEqual([404, -32601]);
      expect(client.asked).toEqual([]);
    },
  );

  test.each([
    'x',
    Buffer.from('[2]').toString('base64url'),
    Buffer.from('[0,1]').toString('base64url'),
    Buffer.from('[0,"a",1]').toString('base64url'),
    1,
  ])('the cursor %s is none of ours', async (cursor) => {
    expect((await post('tools/list', { cursor })).json.error?.code).toBe(-32602);
  });

  test('the header has to say what the body says, also here', async () => {
    expect((await post('tools/call', { name: 'mail__search', arguments: {} }, 'notes__search')).json.error?.code).toBe(
      -32020,
    );
    expect(called).toEqual([]);
  });

  test('this generation has neither stream nor end, and there is no other spelling', async () => {
    const headers = ['mcp-protocol-version', '2026-07-28'];
    for (const method of ['GET', 'DELETE'])
      expect((await harness.send({ path: '/mcp', method, headers })).status).toBe(405);
    expect((await harness.send({ path: '/mcp/' })).status).toBe(404);
    expect(client.asked).toEqual([]);
  });

  test('nothing is listed where nothing may be asked', async () => {
    client.behaviour = deny();
    const { json } = await post('tools/list', {});
    expect(json.result?.['tools']).toEqual([]);
    expect((await post('server/discover', {})).json.result?.['capabilities']).toEqual({});
    expect(called).toEqual([]);
  });
});

const parts = (fetch: CombinedParts['fetch'], servers = ['a', 'b']): CombinedParts => ({
  servers,
  era: 'modern',
  fetch,
  listed: fetch,
  resources: createResourceOwners({ monotonic: () => 0 }),
  tasks: createTaskOwners(),
});

test('pages of one server come before the next', async () => {
  const asked: string[] = [];
  const pages: Record<string, object> = {
    'a ': { tools: [{ name: 'x' }], nextCursor: 'p2' },
    'a p2': { tools: [{ name: 'y' }, 'junk'] },
    'b ': { tools: [{ name: 'x' }] },
  };
  let cursor: unknown;
  const seen: unknown[] = [];
  do {
    const params = cursor === undefined ? {} : { cursor: cursor as string };
    const answer = await combine(
      { kind: 'request', id: 1, method: 'tools/list', params, value: {} },
      parts(async (server, _method, inner) => {
        asked.push(`${server} ${inner ?? ''}`);
        return (pages[asked.at(-1) ?? ''] ?? {}) as never;
      }),
    );
    if (answer.kind !== 'result') throw new Error(answer.kind);
    expect(answer.result).toMatchObject({ resultType: 'complete', ttlMs: 0, cacheScope: 'private' });
    seen.push(answer.result['tools']);
    cursor = answer.result['nextCursor'];
  } while (cursor !== undefined);
  expect(asked).toEqual(['a ', 'a p2', 'b ']);
  expect(seen).toEqual([[{ name: 'a__x' }], [{ name: 'a__y' }, 'junk'], [{ name: 'b__x' }]]);
});

test('of what a server says beside its list only the time to keep it is told', async () => {
  const fetch = async () => ({ tools: [], ttlMs: 5, cacheScope: 'public', requestState: 's', _meta: { a: 1 } });
  const message = { kind: 'request', id: 1, method: 'tools/list', params: {}, value: {} } as const;
  expect(await combine(message, parts(fetch, ['a']))).toEqual({
    kind: 'result',
    result: { resultType: 'complete', ttlMs: 5, cacheScope: 'private', tools: [] },
  });
});

test.each(['a__b', 'a_'])('a server %s cannot be told apart by its names, and is refused at configuration', (name) => {
  const config = { upstreams: [{ name, url: 'http://127.0.0.1/mcp' }], combined: true };
  expect(mcpConfig.safeParse(config).success).toBe(false);
  expect(mcpConfig.safeParse({ ...config, combined: false }).success).toBe(true);
});
