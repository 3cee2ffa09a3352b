/**
 * A server on the official SDK 2.x: revision 2026-07-28, and 2025-11-25 without sessions for who asks for it. Over HTTP,
 * or stdio with `stdio` as argument.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  createMcpHandler,
  type InputRequest,
  inputRequired,
  McpServer,
  type ServerContext,
} from '@modelcontextprotocol/server';
import { serveStdio } from '@modelcontextprotocol/server/stdio';
import { z } from 'zod';
import { fromWeb, toWeb } from '../../support/web-bridge.js';
import { ARGUMENTS, createToolbox, FORM, QUESTIONS, type Question, SAMPLING, said } from './toolbox.js';

const toolbox = createToolbox();

const ASK: Readonly<Record<Question, () => InputRequest>> = {
  'sampling/createMessage': () => inputRequired.createMessage(SAMPLING),
  'elicitation/create': () => inputRequired.elicit({ message: 'Which colour?', requestedSchema: FORM }),
  'roots/list': () => inputRequired.listRoots(),
};

async function progress({ mcpReq }: ServerContext, done: number): Promise<void> {
  const progressToken = mcpReq._meta?.progressToken;
  if (progressToken === undefined) return;
  await mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress: done, total: 3 } });
}

function createModernServer(): McpServer {
  const server = new McpServer({ name: 'modern', version: '2.0.0' }, { capabilities: { logging: {} } });
  for (const [name, run] of toolbox) {
    server.registerTool(name, { description: name, inputSchema: z.object(ARGUMENTS) }, async (args, context) =>
      run(args, {
        signal: context.mcpReq.signal,
        progress: (done) => progress(context, done),
        dropStream: () => context.http?.closeSSE?.(),
      }),
    );
  }
  for (const question of QUESTIONS) {
    const name = `ask-${question}`;
    server.registerTool(name, { description: question, inputSchema: z.object({}) }, async (_args, { mcpReq }) => {
      const answer = mcpReq.inputResponses?.['answer'];
      if (answer === undefined) return inputRequired({ inputRequests: { answer: ASK[question]() } });
      return said(`answer ${JSON.stringify(answer)}`);
    });
  }
  return server;
}

function serveHttp(): void {
  const handler = createMcpHandler(createModernServer);
  const http = createServer((incoming, response) => {
    toWeb(incoming, response)
      .then(async ({ request }) => fromWeb(await handler.fetch(request), response))
      .catch((error: unknown) => {
        process.stderr.write(`${String(error)}\n`);
        response.destroy();
      });
  });
  http.listen(0, '127.0.0.1', () => {
    const mcp = `127.0.0.1:${(http.address() as AddressInfo).port}`;
    process.stdout.write(`${JSON.stringify({ ready: true, service: 'modern', addresses: { mcp } })}\n`);
  });
}

if (process.argv[2] === 'stdio') serveStdio(createModernServer);
else serveHttp();
