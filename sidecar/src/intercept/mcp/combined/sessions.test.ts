/** Clients of 2025-11-25 at the endpoint of all servers: the official SDKs, with official servers behind. */

import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Client as Client2, StreamableHTTPClientTransport as Transport2 } from '@modelcontextprotocol/client';
import { Client as Client1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as Transport1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { completable } from '@modelcontextprotocol/sdk/server/completable.js';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
  ListRootsResultSchema,
  LoggingMessageNotificationSchema,
  ResourceUpdatedNotificationSchema,
  SetLevelRequestSchema,
  SubscribeRequestSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { z } from 'zod';
import { allow, deny, denyOnly, fakePolicyClient } from '../../../testing/fake-policy-client.js';
import { type Harness, startHarness } from '../../../testing/proxy-harness.js';

const client = fakePolicyClient();
let harness: Harness;
let did: string[] = [];
const text = (value: string) => ({ content: [{ type: 'text' as const, text: value }] });
const eventually = async (what: () => boolean): Promise<void> => {
  while (!what()) await new Promise((resolve) => setTimeout(resolve, 2));
};

/** One server with everything that a server can have. */
class Behind {
  readonly name: string;
  readonly mcp = new Map<string, McpServer>();
  #http: Server | undefined;
  #port = 0;

  constructor(name: string) {
    this.name = name;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}/mcp`;
  }

  async start(): Promise<void> {
    const transports = new Map<string, StreamableHTTPServerTransport>();
    this.#http = createServer((request, response) => {
      void (async () => {
        const id = request.headers['mcp-session-id'];
        const known = typeof id === 'string' ? transports.get(id) : undefined;
        if (known === undefined && id !== undefined) return response.writeHead(404).end();
        const transport =
          known ??
          new StreamableHTTPServerTransport({
            sessionIdGenerator: () => randomUUID(),
            onsessioninitialized: (session) => {
              transports.set(session, transport);
              this.mcp.set(session, server);
            },
            onsessionclosed: (session) => {
              did.push(`${this.name} closed`);
              transports.delete(session);
            },
          });
        const server = known === undefined ? this.#server() : (undefined as never);
        if (known === undefined) await server.connect(transport);
        return transport.handleRequest(request, response);
      })().catch(() => response.destroy());
    });
    this.#http.listen(this.#port, '127.0.0.1');
    await once(this.#http, 'listening');
    this.#port = (this.#http.address() as AddressInfo).port;
  }

  stop(): void {
    this.#http?.close();
    this.#http?.closeAllConnections();
    this.mcp.clear();
  }

  #server(): McpServer {
    const { name } = this;
    const mcp = new McpServer(
      { name, version: '1' },
      { capabilities: { logging: {}, resources: { subscribe: true, listChanged: true } } },
    );
    const { server } = mcp;
    const schema = { type: 'object' as const, properties: { name: { type: 'string' as const } } };
    mcp.registerTool('echo', { inputSchema: { say: z.string() } }, async ({ say }) => text(`${name} ${say}`));
    mcp.registerTool('elicit', { inputSchema: {} }, async () => {
      const answer = await server.elicitInput({ message: `${name}?`, requestedSchema: schema }).catch(String);
      return text(JSON.stringify(answer));
    });
    mcp.registerTool('sample', { inputSchema: {} }, async () => {
      const content = { type: 'text' as const, text: `${name}?` };
      const heard: number[] = [];
      const onprogress = ({ progress }: { progress: number }) => void heard.push(progress);
      const answer = await server.createMessage(
        { messages: [{ role: 'user', content }], maxTokens: 5 },
        { onprogress },
      );
      return text(JSON.stringify([answer, heard]));
    });
    // On the stream of its call; the others come on the stream for what is said unasked.
    mcp.registerTool('roots', { inputSchema: {} }, async (_args, { sendRequest }) =>
      text(JSON.stringify([name, await sendRequest({ method: 'roots/list' }, ListRootsResultSchema)])),
    );
    mcp.registerTool('tell', { inputSchema: {} }, async () => {
      await server.sendLoggingMessage({ level: 'info', data: `unasked ${name}` });
      await server.sendResourceUpdated({ uri: `${name}://1` });
      await server.sendResourceUpdated({ uri: 'notes://1' });
      return text('told');
    });
    mcp.registerTool('hang', { inputSchema: {} }, async (_args, { signal }) => {
      did.push(`${name} hangs`);
      await once(signal, 'abort');
      did.push(`${name} cancelled`);
      return text('');
    });
    mcp.registerResource('one', `${name}://1`, {}, async () => ({ contents: [{ uri: `${name}://1`, text: name }] }));
    mcp.registerPrompt('greet', { argsSchema: { who: completable(z.string(), () => [name]) } }, ({ who }) => ({
      messages: [{ role: 'user', content: { type: 'text', text: `${name} ${who}` } }],
    }));
    server.setRequestHandler(SubscribeRequestSchema, async ({ params }) => {
      did.push(`${name} subscribed ${params.uri}`);
      return {};
    });
    server.setRequestHandler(SetLevelRequestSchema, async ({ params }) => {
      did.push(`${name} level ${params.level}`);
      return {};
    });
    return mcp;
  }
}

interface Caller {
  readonly heard: string[];
  call(name: string, signal?: AbortSignal): Promise<string>;
  names(): Promise<readonly string[]>;
  uris(): Promise<readonly string[]>;
  read(uri: string): Promise<string>;
  subscribe(uri: string): Promise<unknown>;
  prompt(name: string): Promise<string>;
  complete(name: string): Promise<readonly string[]>;
  setLevel(): Promise<unknown>;
  rootsChanged(): Promise<void>;
  ping(): Promise<unknown>;
  readonly capabilities: object | undefined;
  end(): Promise<void>;
  close(): Promise<void>;
}

const CAPABILITIES = { elicitation: {}, sampling: {}, roots: { listChanged: true } };
const INFO = { name: 't', version: '1' };
const ROOTS = { roots: [{ uri: 'file:///work' }] };
const textIn = (result: unknown): string => (result as { content: { text: string }[] }).content[0]?.text ?? '';

async function connect1(): Promise<Caller> {
  const sdk = new Client1(INFO, { capabilities: CAPABILITIES });
  const heard: string[] = [];
  sdk.setRequestHandler(ElicitRequestSchema, async ({ params }) => ({
    action: 'accept',
    content: { name: params.message },
  }));
  sdk.setRequestHandler(CreateMessageRequestSchema, async ({ params }, { sendNotification, _meta }) => {
    const progressToken = _meta?.progressToken;
    if (progressToken !== undefined) {
      await sendNotification({ method: 'notifications/progress', params: { progressToken, progress: 7 } });
    }
    return { role: 'assistant', model: 'm', content: params.messages[0]?.content as { type: 'text'; text: string } };
  });
  sdk.setRequestHandler(ListRootsRequestSchema, async () => ROOTS);
  sdk.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => void heard.push(String(params.data)));
  sdk.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => void heard.push(params.uri));
  const transport = new Transport1(new URL(`http://127.0.0.1:${harness.port}/mcp`));
  await sdk.connect(transport);
  return {
    heard,
    capabilities: sdk.getServerCapabilities(),
    call: async (name, signal) =>
      textIn(await sdk.callTool({ name, arguments: { say: 'hi' } }, undefined, signal === undefined ? {} : { signal })),
    names: async () => (await sdk.listTools()).tools.map(({ name }) => name),
    uris: async () => {
      const { resources, nextCursor: cursor } = await sdk.listResources();
      const more = cursor === undefined ? [] : (await sdk.listResources({ cursor })).resources;
      return [...resources, ...more].map(({ uri }) => uri);
    },
    read: async (uri) => JSON.stringify((await sdk.readResource({ uri })).contents),
    subscribe: (uri) => sdk.subscribeResource({ uri }),
    prompt: async (name) => JSON.stringify((await sdk.getPrompt({ name, arguments: { who: 'Ada' } })).messages),
    complete: async (name) =>
      (await sdk.complete({ ref: { type: 'ref/prompt', name }, argument: { name: 'who', value: '' } })).completion
        .values,
    setLevel: () => sdk.setLoggingLevel('error'),
    rootsChanged: () => sdk.sendRootsListChanged(),
    ping: () => sdk.ping(),
    end: () => transport.terminateSession(),
    close: () => sdk.close(),
  };
}

async function connect2(): Promise<Caller> {
  const sdk = new Client2(INFO, { capabilities: CAPABILITIES, versionNegotiation: { mode: 'legacy' } });
  const heard: string[] = [];
  sdk.setRequestHandler('elicitation/create', async ({ params }) => ({
    action: 'accept',
    content: { name: params.message },
  }));
  sdk.setRequestHandler('sampling/createMessage', async ({ params }, context) => {
    const progressToken = context.mcpReq._meta?.progressToken;
    if (progressToken !== undefined) {
      await context.mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress: 7 } });
    }
    return { role: 'assistant', model: 'm', content: params.messages[0]?.content as { type: 'text'; text: string } };
  });
  sdk.setRequestHandler('roots/list', async () => ROOTS);
  sdk.setNotificationHandler('notifications/message', ({ params }) => void heard.push(String(params.data)));
  sdk.setNotificationHandler('notifications/resources/updated', ({ params }) => void heard.push(params.uri));
  const transport = new Transport2(new URL(`http://127.0.0.1:${harness.port}/mcp`));
  await sdk.connect(transport);
  return {
    heard,
    capabilities: sdk.getServerCapabilities(),
    call: async (name, signal) =>
      textIn(await sdk.callTool({ name, arguments: { say: 'hi' } }, signal === undefined ? {} : { signal })),
    names: async () => (await sdk.listTools()).tools.map(({ name }) => name),
    uris: async () => (await sdk.listResources()).resources.map(({ uri }) => uri),
    read: async (uri) => JSON.stringify((await sdk.readResource({ uri })).contents),
    subscribe: (uri) => sdk.subscribeResource({ uri }),
    prompt: async (name) => JSON.stringify((await sdk.getPrompt({ name, arguments: { who: 'Ada' } })).messages),
    complete: async (name) =>
      (await sdk.complete({ ref: { type: 'ref/prompt', name }, argument: { name: 'who', value: '' } })).completion
        .values,
    setLevel: () => sdk.setLoggingLevel('error'),
    rootsChanged: () => sdk.sendRootsListChanged(),
    ping: () => sdk.ping(),
    end: () => transport.terminateSession(),
    close: () => sdk.close(),
  };
}

let notes: Behind;
let mail: Behind;
const callers: Caller[] = [];
const connected = async (connect: () => Promise<Caller>): Promise<Caller> => {
  const caller = await connect();
  callers.push(caller);
  return caller;
};

beforeEach(async () => {
  client.behaviour = allow();
  client.asked.length = 0;
  client.settled.length = 0;
  did = [];
  notes = new Behind('notes');
  mail = new Behind('mail');
  await Promise.all([notes.start(), mail.start()]);
  harness = await startHarness({
    client,
    upstreamUrl: 'http://127.0.0.1:9/mcp',
    upstreams: [notes, mail].map(({ name, url }) => ({ name, url })),
    combined: true,
    definitions: { unseen: 'list', sameNames: 'within_server' },
  });
});
afterEach(async () => {
  await Promise.all(callers.splice(0).map((caller) => caller.close()));
  await harness.close();
  notes.stop();
  mail.stop();
});

describe.each([
  ['SDK 1.x', connect1],
  ['client 2.x, 2025-11-25', connect2],
])('%s', (_name, connect) => {
  test('has the tools, prompts, resources and completions of all servers', async () => {
    const caller = await connected(connect);
    expect(caller.capabilities).toEqual({
      tools: { listChanged: true },
      prompts: { listChanged: true },
      resources: { listChanged: true, subscribe: true },
      completions: {},
      logging: {},
    });
    expect(await caller.names()).toEqual(expect.arrayContaining(['notes__echo']));
    expect(await caller.uris()).toEqual(['notes://1', 'mail://1']);
    expect(await caller.call('mail__echo')).toBe('mail hi');
    expect(await caller.read('mail://1')).toContain('"mail"');
    expect(await caller.prompt('notes__greet')).toContain('notes Ada');
    expect(await caller.complete('mail__greet')).toEqual(['mail']);
    expect(await caller.ping()).toBeDefined();
    await caller.setLevel();
    expect(did).toEqual(expect.arrayContaining(['notes level error', 'mail level error']));
    const asked = client.asked.map(({ tool }) => `${tool?.server} ${tool?.operation} ${tool?.name ?? ''}`);
    expect(asked).toEqual(expect.arrayContaining(['mail tools/call echo', 'mail resources/read mail://1']));
    expect(asked.some((one) => one.includes('__'))).toBe(false);
  });

  test('answers what servers ask at once, each its own', async () => {
    const caller = await connected(connect);
    const answers = await Promise.all(
      ['notes__elicit', 'mail__elicit', 'notes__sample', 'mail__sample', 'notes__roots', 'mail__roots'].map((name) =>
        caller.call(name),
      ),
    );
    for (const [index, name] of ['notes', 'mail', 'notes', 'mail'].entries()) {
      expect(answers[index]).toContain(`"${name}?"`);
      expect(answers[index]).not.toContain(name === 'mail' ? 'notes' : 'mail');
    }
    // Progress went to who wanted to hear of it.
    expect(answers.slice(2, 4).every((one) => one.endsWith(',[7]]'))).toBe(true);
    expect(answers.slice(4)).toEqual(['notes', 'mail'].map((name) => JSON.stringify([name, ROOTS])));
  });

  test('does not hear what a server may not ask', async () => {
    client.behaviour = (request) =>
      (request.tool?.operation === 'elicitation/create' && request.tool.server === 'mail' ? deny() : allow())(request);
    const caller = await connected(connect);
    const [allowed, denied] = await Promise.all([caller.call('notes__elicit'), caller.call('mail__elicit')]);
    expect(allowed).toContain('"notes?"');
    expect(denied).toContain('not allowed');
  });

  test('hears what servers say unasked, and of a resource only its own server', async () => {
    const caller = await connected(connect);
    await caller.subscribe('notes://1');
    expect(did).toEqual(['notes subscribed notes://1']);
    // The stream of a server is open once it has been asked for.
    const streams = () => client.asked.filter(({ tool }) => tool?.operation === 'http/stream.open').length;
    await eventually(() => streams() === 2);
    await caller.call('mail__tell');
    await eventually(() => caller.heard.includes('mail://1'));
    await caller.call('notes__tell');
    await eventually(() => caller.heard.includes('notes://1'));
    expect(caller.heard.filter((uri) => uri === 'notes://1')).toHaveLength(2);
    expect(caller.heard).toEqual(expect.arrayContaining(['unasked mail', 'unasked notes']));
  });

  test('cancels at the server that does it', async () => {
    const caller = await connected(connect);
    const abort = new AbortController();
    const hanging = caller.call('mail__hang', abort.signal).catch(() => 'gone');
    await eventually(() => did.includes('mail hangs'));
    abort.abort();
    expect(await hanging).toBe('gone');
    await eventually(() => did.includes('mail cancelled'));
  });

  test('is refused what policies deny', async () => {
    client.behaviour = denyOnly('tools/call', 'echo');
    const caller = await connected(connect);
    await expect(caller.call('mail__echo')).rejects.toMatchObject({ code: -31403 });
  });

  test('works with the servers that are up, and with the other once it is back', async () => {
    mail.stop();
    const caller = await connected(connect);
    expect(await caller.uris()).toEqual(['notes://1']);
    expect(await caller.call('notes__echo')).toBe('notes hi');
    await expect(caller.call('mail__echo')).rejects.toThrow(/mail could not be reached/);
    expect(harness.logged.join('')).toContain('Server could not be asked');
    expect(await harness.registry.metrics()).toMatch(/combined_servers_missing_total [1-9]/);
    await mail.start();
    let answer: string | undefined;
    while (answer === undefined) answer = await caller.call('mail__echo').catch(() => undefined);
    expect(answer).toBe('mail hi');
  });

  test('goes on after a server has forgotten its session', async () => {
    const caller = await connected(connect);
    expect(await caller.call('mail__echo')).toBe('mail hi');
    mail.stop();
    await mail.start();
    await expect(caller.call('mail__echo')).rejects.toThrow();
    let answer: string | undefined;
    while (answer === undefined) answer = await caller.call('mail__echo').catch(() => undefined);
    expect(answer).toBe('mail hi');
    expect(await caller.call('notes__echo')).toBe('notes hi');
  });

  test('ends its session, and with it those at the servers', async () => {
    const caller = await connected(connect);
    await caller.end();
    expect(did.sort()).toEqual(['mail closed', 'notes closed']);
  });
});
