/** What servers ask of clients, and completion, through the official 1.x SDK; denied as well. The rest is in `test/integration/mcp-clients`. */

import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { completable } from '@modelcontextprotocol/sdk/server/completable.js';
import { McpServer, ResourceTemplate } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { CreateMessageRequestSchema, ListRootsRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { z } from 'zod';
import { allow, denyOnly, fakePolicyClient } from '../../testing/fake-policy-client.js';
import { type Harness, startHarness } from '../../testing/proxy-harness.js';

const policy = fakePolicyClient();
let http: Server;
let harness: Harness;
let sdk: Client;

const text = (value: string) => ({ content: [{ type: 'text' as const, text: value }] });
const codeOf = (thrown: unknown): string => `refused ${String((thrown as { code?: number }).code)}`;

async function connected(): Promise<StreamableHTTPServerTransport> {
  const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: () => randomUUID() });
  const mcp = new McpServer({ name: 's', version: '1' });
  mcp.registerTool('sample', { inputSchema: { say: z.string() } }, async ({ say }) => {
    const messages = [{ role: 'user' as const, content: { type: 'text' as const, text: say } }];
    const answer = mcp.server.createMessage({ messages, maxTokens: 5 });
    return text(await answer.then(({ content }) => JSON.stringify(content), codeOf));
  });
  mcp.registerTool('roots', {}, async () =>
    text(await mcp.server.listRoots().then(({ roots }) => roots.map(({ uri }) => uri).join(), codeOf)),
  );
  mcp.registerPrompt(
    'greet',
    { argsSchema: { who: completable(z.string(), (begin) => [`${begin}da`]) } },
    ({ who }) => ({
      messages: [{ role: 'user', content: { type: 'text', text: who } }],
    }),
  );
  const template = new ResourceTemplate('note://{id}', { list: undefined, complete: { id: (begin) => [`${begin}1`] } });
  mcp.registerResource('note', template, {}, async ({ href }) => ({ contents: [{ uri: href, text: 'n' }] }));
  await mcp.connect(transport);
  return transport;
}

beforeEach(async () => {
  policy.behaviour = allow();
  policy.asked.length = 0;
  let transport: StreamableHTTPServerTransport | undefined;
  http = createServer((request, response) => {
    void (async () => {
      transport ??= await connected();
      await transport.handleRequest(request, response);
    })().catch(() => response.destroy());
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const upstreamUrl = `http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`;
  // As it is by default: the sidecar lists the tools before it asks about a call.
  harness = await startHarness({ client: policy, upstreamUrl, definitions: { unseen: 'list' } });
  sdk = new Client({ name: 't', version: '1' }, { capabilities: { sampling: {}, roots: { listChanged: true } } });
  sdk.setRequestHandler(CreateMessageRequestSchema, async () => ({
    model: 'm',
    role: 'assistant',
    content: { type: 'text', text: 'sampled' },
  }));
  sdk.setRequestHandler(ListRootsRequestSchema, async () => ({ roots: [{ uri: 'file:///work', name: 'w' }] }));
  await sdk.connect(new StreamableHTTPClientTransport(new URL(harness.url)));
});
afterEach(async () => {
  await sdk.close();
  await harness.close();
  http.close();
  http.closeAllConnections();
});

const said = async (name: string, args: Record<string, unknown> = {}): Promise<string> =>
  JSON.stringify((await sdk.callTool({ name, arguments: args })).content);
const asked = (): readonly string[] => policy.asked.map(({ kind, tool }) => `${kind} ${tool?.operation}`);

describe('a request of the server', () => {
  test.each([
    ['sampling/createMessage', 'inference', 'sample', { say: 'x' }, 'sampled'],
    ['roots/list', 'resource', 'roots', {}, 'file:///work'],
  ])('%s is decided, as %s, and is refused where that is denied', async (operation, kind, tool, args, answer) => {
    expect(await said(tool, args)).toContain(answer);
    expect(asked()).toContain(`${kind} ${operation}`);
    const question = policy.asked.find((request) => request.tool?.operation === operation);
    expect(question?.tool?.attributes?.['direction']).toBe('server_to_client');
    policy.behaviour = denyOnly(operation);
    expect(await said(tool, args)).toContain('refused -31403');
  });
});

describe('completion', () => {
  test.each([
    ['a prompt', { type: 'ref/prompt' as const, name: 'greet' }, 'who', 'A', ['Ada'], 'prompt'],
    ['a resource', { type: 'ref/resource' as const, uri: 'note://{id}' }, 'id', '4', ['41'], 'resource'],
  ])('of %s is decided as access to it', async (_what, ref, name, value, values, kind) => {
    const complete = () => sdk.complete({ ref, argument: { name, value } });
    expect((await complete()).completion.values).toEqual(values);
    expect(asked()).toContain(`${kind} completion/complete`);
    policy.behaviour = denyOnly('completion/complete');
    await expect(complete()).rejects.toMatchObject({ code: -31403 });
  });
});

test('arguments that the schema does not have are invalid parameters to the official client', async () => {
  await expect(sdk.callTool({ name: 'sample', arguments: { say: 1 } })).rejects.toMatchObject({ code: -32602 });
});

test('a notification about roots is decided', async () => {
  await sdk.sendRootsListChanged();
  expect(asked()).toContain('session notifications/roots/list_changed');
});
