/** The official SDKs of both generations, client and server, with the proxy between them. */

import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Client as Client2, StreamableHTTPClientTransport as Transport2 } from '@modelcontextprotocol/client';
import { Client as Client1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as Transport1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { McpServer as McpServer1 } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { ElicitRequestSchema, ErrorCode, McpError } from '@modelcontextprotocol/sdk/types.js';
import { createMcpHandler, McpServer as McpServer2 } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { RPC_CODE } from '../../enforce/refuse.js';
import { allow, deny, denyOnly, fakePolicyClient } from '../../testing/fake-policy-client.js';
import { type Harness, startHarness } from '../../testing/proxy-harness.js';

const client = fakePolicyClient();
let calls: string[] = [];
let http: Server;
let harness: Harness;

/** What both generations serve. */
const text = (value: string) => ({ content: [{ type: 'text' as const, text: value }] });

function legacyServer(): Server {
  const transports = new Map<string, StreamableHTTPServerTransport>();
  return createServer((request, response) => {
    void (async () => {
      const id = request.headers['mcp-session-id'];
      let transport = typeof id === 'string' ? transports.get(id) : undefined;
      if (transport === undefined) {
        const created = new StreamableHTTPServerTransport({
          sessionIdGenerator: () => randomUUID(),
          onsessioninitialized: (session) => void transports.set(session, created),
        });
        transport = created;
        const server = new McpServer1({ name: 'old', version: '1.0.0' });
        server.registerTool('echo', { inputSchema: { say: z.string() } }, async ({ say }) => {
          calls.push(`echo ${say}`);
          return text(say);
        });
        server.registerTool('delete', { inputSchema: {} }, async () => {
          calls.push('delete');
          return text('deleted');
        });
        server.registerTool('ask', { inputSchema: {} }, async () => {
          const schema = { type: 'object' as const, properties: { name: { type: 'string' as const } } };
          try {
            const answer = await server.server.elicitInput({ message: 'your name', requestedSchema: schema });
            return text(`${answer.action} ${String(answer.content?.['name'])}`);
          } catch (error) {
            return text(`refused ${String((error as { code?: number }).code)}`);
          }
        });
        server.registerTool('slow', { inputSchema: {} }, async (_args, extra) => {
          await extra.sendNotification({
            method: 'notifications/message',
            params: { level: 'info', data: 'half way' },
          });
          return text('done');
        });
        server.registerResource('note', 'note://one', {}, async () => ({
          contents: [{ uri: 'note://one', text: 'n' }],
        }));
        await server.connect(created);
      }
      await transport.handleRequest(request, response);
    })().catch(() => response.destroy());
  });
}

function modernServer(): Server {
  const handler = createMcpHandler(() => {
    const server = new McpServer2({ name: 'new', version: '2.0.0' });
    server.registerTool('echo', { inputSchema: z.object({ say: z.string() }) }, async ({ say }) => {
      calls.push(`echo ${say}`);
      return text(say);
    });
    server.registerTool('delete', { inputSchema: z.object({}) }, async () => {
      calls.push('delete');
      return text('deleted');
    });
    return server;
  });
  return createServer((request, response) => {
    void (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const headers = Object.entries(request.headers).flatMap(([name, value]) =>
        value === undefined ? [] : [[name, String(value)] as [string, string]],
      );
      const body = chunks.length === 0 ? {} : { body: Buffer.concat(chunks) };
      const url = `http://${request.headers.host}${request.url}`;
      const answer = await handler.fetch(new Request(url, { method: request.method ?? 'GET', headers, ...body }));
      response.writeHead(answer.status, Object.fromEntries(answer.headers));
      if (answer.body !== null) for await (const chunk of answer.body) response.write(chunk);
      response.end();
    })().catch(() => response.destroy());
  });
}

async function start(server: Server): Promise<void> {
  http = server;
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  harness = await startHarness({ client, upstreamUrl: `http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp` });
}

beforeEach(() => {
  calls = [];
  client.behaviour = allow();
  client.asked.length = 0;
});
afterEach(async () => {
  await harness.close();
  http.close();
  http.closeAllConnections();
});

interface Caller {
  call(name: string, args: Record<string, unknown>): Promise<unknown>;
  tools(): Promise<readonly string[]>;
  close(): Promise<void>;
}

async function connect1(): Promise<Caller> {
  const sdk = new Client1({ name: 't', version: '1' }, { capabilities: { elicitation: {} } });
  sdk.setRequestHandler(ElicitRequestSchema, async () => ({ action: 'accept', content: { name: 'Ada' } }));
  await sdk.connect(new Transport1(new URL(harness.url)));
  return {
    call: (name, args) => sdk.callTool({ name, arguments: args }),
    tools: async () => (await sdk.listTools()).tools.map(({ name }) => name),
    close: () => sdk.close(),
  };
}

async function connect2(mode: 'legacy' | 'auto'): Promise<Caller> {
  const sdk = new Client2({ name: 't', version: '1' }, { versionNegotiation: { mode } });
  await sdk.connect(new Transport2(new URL(harness.url)));
  return {
    call: (name, args) => sdk.callTool({ name, arguments: args }),
    tools: async () => (await sdk.listTools()).tools.map(({ name }) => name),
    close: () => sdk.close(),
  };
}

const PAIRS = [
  { name: '1.x client, 1.x server', server: legacyServer, connect: connect1 },
  { name: '1.x client, 2.x server', server: modernServer, connect: connect1 },
  { name: '2.x legacy client, 1.x server', server: legacyServer, connect: () => connect2('legacy') },
  { name: '2.x client, 1.x server', server: legacyServer, connect: () => connect2('auto') },
  { name: '2.x client, 2.x server', server: modernServer, connect: () => connect2('auto') },
] as const;

describe.each(PAIRS)('$name', ({ server, connect }) => {
  test('lists, calls, and surfaces a denial as an error with code, message and decision id', async () => {
    client.behaviour = denyOnly('tools/call', 'delete');
    await start(server());
    const caller = await connect();
    try {
      expect(await caller.tools()).toEqual(expect.arrayContaining(['echo', 'delete']));
      expect(await caller.call('echo', { say: 'hi' })).toMatchObject({ content: [{ type: 'text', text: 'hi' }] });
      const denied = await caller.call('delete', {}).then(
        () => undefined,
        (error: unknown) => error,
      );
      expect(denied).toMatchObject({
        code: RPC_CODE.denied,
        message: expect.stringContaining('deleting is not allowed here'),
        data: { code: 'POLICY_DENIED', reason_code: 'NO_DELETES', decision_id: expect.stringMatching(/^decision-/) },
      });
      expect(calls).toEqual(['echo hi']);
      expect(client.asked.every(({ source }) => source === 'mcp_proxy')).toBe(true);
    } finally {
      await caller.close();
    }
  });

  test('a refused handshake connects nobody', async () => {
    client.behaviour = deny();
    await start(server());
    await expect(connect()).rejects.toMatchObject({ message: expect.stringContaining('deleting is not allowed here') });
    expect(calls).toEqual([]);
  });
});

describe('what a 1.x server asks of its client', () => {
  test('is delivered when permitted, and so is the answer', async () => {
    await start(legacyServer());
    const caller = await connect1();
    expect(await caller.call('ask', {})).toMatchObject({ content: [{ text: 'accept Ada' }] });
    expect(client.asked.map(({ tool }) => tool?.operation)).toContain('elicitation/create');
    await caller.close();
  });

  test('is not delivered when denied, and the server is told', async () => {
    client.behaviour = denyOnly('elicitation/create');
    await start(legacyServer());
    const caller = await connect1();
    expect(await caller.call('ask', {})).toMatchObject({ content: [{ text: `refused ${RPC_CODE.denied}` }] });
    await caller.close();
  });
});

test('the whole life of a legacy session is decided: stream, messages and end', async () => {
  await start(legacyServer());
  const sdk = new Client1({ name: 't', version: '1' });
  const transport = new Transport1(new URL(harness.url));
  await sdk.connect(transport);
  await sdk.callTool({ name: 'slow', arguments: {} });
  await sdk.readResource({ uri: 'note://one' });
  await transport.terminateSession();
  await sdk.close();
  const operations = client.asked.map(({ tool, kind }) => `${kind} ${tool?.operation}`);
  expect(operations).toEqual(
    expect.arrayContaining([
      'session initialize',
      'session notifications/initialized',
      'session http/stream.open',
      'tool_call tools/call',
      'resource resources/read',
      'session http/session.delete',
    ]),
  );
});

test('an McpError is what the 1.x client throws', async () => {
  client.behaviour = denyOnly('tools/call');
  await start(legacyServer());
  const caller = await connect1();
  const error = await caller.call('echo', { say: 'x' }).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(McpError);
  expect((error as McpError).code).not.toBe(ErrorCode.ConnectionClosed);
  await caller.close();
});
