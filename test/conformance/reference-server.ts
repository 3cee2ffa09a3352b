/**
 * The MCP server that the public conformance suite is run against, directly and through the sidecar. It speaks both
 * protocol generations on one path and has every fixture that the suite looks for, so that as many checks as possible
 * see both sides of a proxy. A process of its own: `node reference-server.js --announce`.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  classifyInboundRequest,
  createMcpHandler,
  hostHeaderValidationResponse,
  localhostAllowedHostnames,
  localhostAllowedOrigins,
  McpServer,
  originValidationResponse,
} from '@modelcontextprotocol/server';
import { fromWeb, toWeb } from '../support/web-bridge.js';
import { registerPlainTools, registerPrompts, registerResources } from './reference/content.js';
import { registerAskingTools, registerTalkingTools, registerTriggers } from './reference/conversation.js';
import { createStateSeal, registerInputRequired } from './reference/input-required.js';
import { createSessionHost } from './reference/sessions.js';
import { createTaskFront, registerTaskTools, TASKS_EXTENSION } from './reference/tasks.js';

/** What it tells clients to wait before they resume a stream; a scenario measures whether they hear of it. */
const RETRY_MS = 500;

const seal = createStateSeal();

function createReferenceServer(): McpServer {
  const server = new McpServer(
    { name: 'portcullis-reference', version: '1.0.0' },
    {
      capabilities: {
        tools: { listChanged: true },
        resources: { subscribe: true, listChanged: true },
        prompts: { listChanged: true },
        logging: {},
        completions: {},
        extensions: { [TASKS_EXTENSION]: {} },
      },
      requestState: { verify: seal.verify },
    },
  );
  registerPlainTools(server);
  registerTalkingTools(server);
  registerAskingTools(server);
  registerInputRequired(server, seal);
  registerTriggers(server, () => modern.notify);
  registerResources(server);
  registerPrompts(server);
  registerTaskTools(server);
  server.server.setRequestHandler('logging/setLevel', async () => ({}));
  return server;
}

const modern = createMcpHandler(createReferenceServer, {
  onerror: (error) => process.stderr.write(`${error.message}\n`),
});
const tasks = createTaskFront();
const sessions = createSessionHost(createReferenceServer, RETRY_MS);

async function serve(request: Request, body: string): Promise<Response> {
  const stranger =
    hostHeaderValidationResponse(request, localhostAllowedHostnames()) ??
    originValidationResponse(request, localhostAllowedOrigins());
  if (stranger !== undefined) return stranger;
  let parsed: unknown;
  try {
    parsed = body === '' ? undefined : JSON.parse(body);
  } catch {
    return Response.json({ jsonrpc: '2.0', error: { code: -32700, message: 'not JSON' }, id: null }, { status: 400 });
  }
  const version = request.headers.get('mcp-protocol-version');
  const method = request.headers.get('mcp-method');
  const route = classifyInboundRequest({
    httpMethod: request.method,
    body: parsed,
    ...(version === null ? {} : { protocolVersionHeader: version }),
    ...(method === null ? {} : { mcpMethodHeader: method }),
  });
  if (route.kind === 'legacy') return sessions(request, parsed);
  return tasks(request, parsed) ?? modern.fetch(request, parsed === undefined ? {} : { parsedBody: parsed });
}

const http = createServer((incoming, response) => {
  toWeb(incoming, response)
    .then(async ({ request, body }) => fromWeb(await serve(request, body), response))
    .catch((error: unknown) => {
      process.stderr.write(`${String(error)}\n`);
      response.destroy();
    });
});
http.listen(0, '127.0.0.1', () => {
  const { port } = http.address() as AddressInfo;
  process.stdout.write(
    `${JSON.stringify({ ready: true, service: 'reference', addresses: { mcp: `127.0.0.1:${port}` } })}\n`,
  );
});
