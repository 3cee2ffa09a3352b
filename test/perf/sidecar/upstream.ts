/**
 * Whatever is called, in one process: an MCP server, a provider of models, a web site, another agent. Sends back what it gets
 * where that can be, so that answers can be checked, and does no more than that. `node upstream.js` says where.
 */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { FIRST_TOKEN, HOLD, TOKENS, TOOLS } from './calls.js';

interface Message {
  readonly id?: unknown;
  readonly method?: string;
  readonly stream?: boolean;
  readonly params?: { readonly arguments?: unknown; readonly message?: { readonly parts?: readonly object[] } };
  readonly messages?: readonly { readonly content?: string }[];
}

const CARD = (origin: string): object => ({
  name: 'Books',
  url: `${origin}/rpc`,
  protocolVersion: '0.3.0',
  skills: [{ id: 'report', name: 'report', description: 'report', tags: [] }],
});

function json(response: ServerResponse, value: unknown): void {
  const text = JSON.stringify(value);
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }).end(text);
}

const usage = { prompt_tokens: 11, completion_tokens: TOKENS, total_tokens: 11 + TOKENS };

function chunk(delta: object, finish: string | null = null): string {
  const choices = [{ index: 0, delta, logprobs: null, finish_reason: finish }];
  const one = { id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model: 'model-1', choices };
  return `data: ${JSON.stringify(one)}\n\n`;
}

/** One token per turn of the event loop, as they come from a model. */
function stream(response: ServerResponse, holds: boolean): void {
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
  response.write(chunk({ role: 'assistant', content: FIRST_TOKEN }));
  if (holds) return;
  let token = 1;
  const next = (): void => {
    if (token < TOKENS) {
      response.write(chunk({ content: ` token-${token}` }));
      token += 1;
      setImmediate(next);
      return;
    }
    const last = {
      id: 'chatcmpl-1',
      object: 'chat.completion.chunk',
      created: 1,
      model: 'model-1',
      choices: [],
      usage,
    };
    response.end(`${chunk({}, 'stop')}data: ${JSON.stringify(last)}\n\ndata: [DONE]\n\n`);
  };
  setImmediate(next);
}

function completion(content: string): object {
  const message = { role: 'assistant', content };
  const choices = [{ index: 0, message, logprobs: null, finish_reason: 'stop' }];
  return { id: 'chatcmpl-1', object: 'chat.completion', created: 1, model: 'model-1', choices, usage };
}

function mcpResult({ method, params }: Message): object {
  if (method === 'tools/list') return { tools: TOOLS };
  return { content: [{ type: 'text', text: JSON.stringify(params?.arguments ?? {}) }] };
}

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (part: Buffer) => chunks.push(part));
  request.on('end', () => {
    const { url = '', method } = request;
    if (url.startsWith('/site')) response.end(`site saw ${method} ${url} ${Buffer.concat(chunks).toString()}`);
    else if (method !== 'POST') json(response, CARD(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
    else {
      const message = JSON.parse(Buffer.concat(chunks).toString()) as Message;
      const said = message.messages?.[0]?.content ?? '';
      const { id, params } = message;
      if (url.endsWith('/mcp')) json(response, { jsonrpc: '2.0', id, result: mcpResult(message) });
      else if (url.endsWith('/rpc')) {
        const parts = params?.message?.parts ?? [];
        json(response, { jsonrpc: '2.0', id, result: { kind: 'message', messageId: 'm', role: 'agent', parts } });
      } else if (message.stream === true) stream(response, said.includes(HOLD));
      else json(response, completion(said));
    }
  });
}).listen(0, '127.0.0.1', () => {
  process.stdout.write(`${JSON.stringify({ ready: true, port: (server.address() as AddressInfo).port })}\n`);
});
