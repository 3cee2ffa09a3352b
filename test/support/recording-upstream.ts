/**
 * An MCP server that counts what reaches it: the oracle of promise P0. Every request that arrives is a side effect,
 * recorded with its raw bytes and headers before anything is answered.
 */
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One request that reached the upstream. */
export interface UpstreamCall {
  readonly at: number;
  readonly httpMethod: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** The exact body. */
  readonly body: Buffer;
  /** The JSON-RPC method, when the body is JSON-RPC. */
  readonly method?: string;
  /** `params` as received. */
  readonly params?: unknown;
}

/** The running upstream. */
export interface RecordingUpstream {
  readonly url: string;
  readonly calls: readonly UpstreamCall[];
  /** Only `tools/call`. */
  toolCalls(): readonly UpstreamCall[];
  clear(): void;
  /** Delays every answer, in milliseconds. */
  setDelay(ms: number): void;
  close(): Promise<void>;
}

interface RpcMessage {
  readonly id?: string | number;
  readonly method?: string;
  readonly params?: { readonly name?: string; readonly arguments?: unknown; readonly protocolVersion?: string };
}

function resultFor(message: RpcMessage): unknown {
  switch (message.method) {
    case 'initialize':
      return {
        protocolVersion: message.params?.protocolVersion ?? '2025-11-25',
        capabilities: { tools: {} },
        serverInfo: { name: 'recording-upstream', version: '1.0.0' },
      };
    case 'tools/list':
      return {
        tools: ['read', 'write', 'delete'].map((name) => ({ name, inputSchema: { type: 'object' } })),
      };
    case 'tools/call':
      return {
        content: [{ type: 'text', text: JSON.stringify(message.params?.arguments ?? {}) }],
      };
    default:
      return {};
  }
}

function parse(body: Buffer): RpcMessage | undefined {
  try {
    return JSON.parse(body.toString()) as RpcMessage;
  } catch {
    return undefined;
  }
}

/** Starts the upstream on loopback; it speaks enough MCP for both protocol generations to call tools. */
export async function startRecordingUpstream(): Promise<RecordingUpstream> {
  const calls: UpstreamCall[] = [];
  let delayMs = 0;
  const server: Server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks);
      const message = parse(body);
      calls.push({
        at: performance.now(),
        httpMethod: request.method ?? '',
        path: request.url ?? '',
        headers: request.headers,
        body,
        ...(message?.method === undefined ? {} : { method: message.method }),
        ...(message?.params === undefined ? {} : { params: message.params }),
      });
      const answer = (): void => {
        if (request.method !== 'POST') {
          response.writeHead(405).end();
        } else if (message?.id === undefined) {
          response.writeHead(202).end();
        } else {
          response.writeHead(200, { 'content-type': 'application/json' });
          response.end(JSON.stringify({ jsonrpc: '2.0', id: message.id, result: resultFor(message) }));
        }
      };
      if (delayMs === 0) answer();
      // Nobody waits for it once everything is closed.
      else setTimeout(answer, delayMs).unref();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`,
    calls,
    toolCalls: () => calls.filter((call) => call.method === 'tools/call'),
    clear() {
      calls.length = 0;
    },
    setDelay(ms) {
      delayMs = ms;
    },
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
