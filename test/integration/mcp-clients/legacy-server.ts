/**
 * A server on the official SDK 1.x (revision 2025-11-25), as its documentation has one: sessions with resumable streams
 * over HTTP, or stdio with `stdio` as argument.
 */
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { type EventStore, StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import {
  CreateMessageResultSchema,
  ElicitResultSchema,
  isInitializeRequest,
  ListRootsResultSchema,
  type ServerRequest,
} from '@modelcontextprotocol/sdk/types.js';
import { ARGUMENTS, createToolbox, FORM, QUESTIONS, type Question, SAMPLING, said } from './toolbox.js';

const toolbox = createToolbox();

const ASK: Readonly<Record<Question, { readonly request: ServerRequest; readonly schema: AnswerSchema }>> = {
  'sampling/createMessage': {
    request: { method: 'sampling/createMessage', params: SAMPLING },
    schema: CreateMessageResultSchema,
  },
  'elicitation/create': {
    request: { method: 'elicitation/create', params: { message: 'Which colour?', requestedSchema: FORM } },
    schema: ElicitResultSchema,
  },
  'roots/list': { request: { method: 'roots/list' }, schema: ListRootsResultSchema },
};
type AnswerSchema = typeof CreateMessageResultSchema | typeof ElicitResultSchema | typeof ListRootsResultSchema;

function createMcpServer(): McpServer {
  const server = new McpServer({ name: 'legacy', version: '1.0.0' }, { capabilities: { logging: {} } });
  for (const [name, run] of toolbox) {
    server.registerTool(name, { description: name, inputSchema: ARGUMENTS }, async (args, extra) => {
      const progressToken = extra._meta?.progressToken;
      return run(args, {
        signal: extra.signal,
        dropStream: () => extra.closeSSEStream?.(),
        async progress(done) {
          if (progressToken === undefined) return;
          const params = { progressToken, progress: done, total: 3 };
          await extra.sendNotification({ method: 'notifications/progress', params });
        },
      });
    });
  }
  for (const question of QUESTIONS) {
    server.registerTool(`ask-${question}`, { description: question }, async (extra) => {
      const { request, schema } = ASK[question];
      try {
        return said(`answer ${JSON.stringify(await extra.sendRequest(request, schema))}`);
      } catch (error: unknown) {
        return said(`refused ${String((error as { readonly code?: unknown }).code)} ${String(error)}`);
      }
    });
  }
  return server;
}

/** Every event of a session, numbered. */
function createEventStore(): EventStore {
  const events: { readonly stream: string; readonly message: Parameters<EventStore['storeEvent']>[1] }[] = [];
  return {
    storeEvent: async (stream, message) => `${stream}/${events.push({ stream, message })}`,
    async replayEventsAfter(last, { send }) {
      const cut = last.lastIndexOf('/');
      const stream = last.slice(0, cut);
      for (const [index, event] of events.entries()) {
        const isMessage = Object.keys(event.message).length > 0;
        if (index < Number(last.slice(cut + 1)) || event.stream !== stream || !isMessage) continue;
        await send(`${stream}/${index + 1}`, event.message);
      }
      return stream;
    },
  };
}

function serveHttp(): void {
  const sessions = new Map<string, StreamableHTTPServerTransport>();
  const http = createServer((request, response) => {
    void (async () => {
      const id = request.headers['mcp-session-id'];
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const body: unknown = chunks.length === 0 ? undefined : JSON.parse(Buffer.concat(chunks).toString());
      let transport = typeof id === 'string' ? sessions.get(id) : undefined;
      if (transport === undefined) {
        if (!isInitializeRequest(body)) {
          // 404 tells a client that its session is over, 400 that it never had one.
          response.writeHead(id === undefined ? 400 : 404, { 'content-type': 'application/json' });
          response.end('{"jsonrpc":"2.0","error":{"code":-32001,"message":"no such session"},"id":null}');
          return;
        }
        const created = new StreamableHTTPServerTransport({
          sessionIdGenerator: () => randomUUID(),
          eventStore: createEventStore(),
          retryInterval: 100,
          onsessioninitialized: (session) => {
            sessions.set(session, created);
          },
          onsessionclosed: (session) => {
            sessions.delete(session);
          },
        });
        transport = created;
        await createMcpServer().connect(created);
      }
      await transport.handleRequest(request, response, body);
    })().catch((error: unknown) => {
      process.stderr.write(`${String(error)}\n`);
      response.destroy();
    });
  });
  http.listen(0, '127.0.0.1', () => {
    const mcp = `127.0.0.1:${(http.address() as AddressInfo).port}`;
    process.stdout.write(`${JSON.stringify({ ready: true, service: 'legacy', addresses: { mcp } })}\n`);
  });
}

if (process.argv[2] === 'stdio') await createMcpServer().connect(new StdioServerTransport());
else serveHttp();
