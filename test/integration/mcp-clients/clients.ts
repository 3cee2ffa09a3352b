/** The official clients, unmodified, each connected as its documentation says; only their differences are hidden. */
import {
  Client as Client2,
  StreamableHTTPClientTransport as HttpTransport2,
  type VersionNegotiationOptions,
} from '@modelcontextprotocol/client';
import { StdioClientTransport as StdioTransport2 } from '@modelcontextprotocol/client/stdio';
import { Client as Client1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport as StdioTransport1 } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport as HttpTransport1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import {
  CallToolResultSchema,
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
} from '@modelcontextprotocol/sdk/types.js';
import type { Arguments } from './toolbox.js';

/** How to reach a server. */
export type Route = { readonly url: string } | { readonly command: string; readonly args: readonly string[] };

/** What a call may be told besides. */
export interface CallOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number) => void;
}

/** One connected client. */
export interface Connected {
  readonly protocolVersion: string | undefined;
  /** Methods of the requests of the server that reached this client, in order. */
  readonly asked: string[];
  /** Tool definitions, as JSON. */
  tools(): Promise<string>;
  /** The result, as the SDK hands it out. */
  call(tool: string, args?: Arguments, options?: CallOptions): Promise<unknown>;
  /** Ends the session on the server, where there is one. */
  endSession(): Promise<void>;
  close(): Promise<void>;
}

/** A client generation. */
export interface Kind {
  readonly name: string;
  readonly protocolVersion: string;
  connect(route: Route): Promise<Connected>;
}

const INFO = { name: 'official', version: '1.0.0' };
const CAPABILITIES = { sampling: {}, elicitation: {}, roots: {} };
const SAMPLED = {
  role: 'assistant' as const,
  model: 'fake',
  content: { type: 'text' as const, text: 'sampled' },
};
const ELICITED = { action: 'accept' as const, content: { colour: 'green' } };
const ROOTS = { roots: [{ uri: 'file:///workspace', name: 'workspace' }] };
/** Long enough for a machine that does much else; nothing here waits for it. */
const TIMEOUT_MS = 60_000;

async function connect1(route: Route): Promise<Connected> {
  const asked: string[] = [];
  const client = new Client1(INFO, { capabilities: CAPABILITIES });
  client.setRequestHandler(CreateMessageRequestSchema, ({ method }) => {
    asked.push(method);
    return SAMPLED;
  });
  client.setRequestHandler(ElicitRequestSchema, ({ method }) => {
    asked.push(method);
    return ELICITED;
  });
  client.setRequestHandler(ListRootsRequestSchema, ({ method }) => {
    asked.push(method);
    return ROOTS;
  });
  const http = 'url' in route ? new HttpTransport1(new URL(route.url)) : undefined;
  await client.connect(http ?? new StdioTransport1({ ...stdio(route), stderr: 'ignore' }));
  return {
    asked,
    protocolVersion: http?.protocolVersion,
    tools: async () => JSON.stringify((await client.listTools()).tools),
    call: (name, args = {}, { signal, onProgress } = {}) =>
      client.callTool({ name, arguments: args }, CallToolResultSchema, {
        timeout: TIMEOUT_MS,
        ...(signal === undefined ? {} : { signal }),
        ...(onProgress === undefined ? {} : { onprogress: ({ progress }) => onProgress(progress) }),
      }),
    endSession: async () => http?.terminateSession(),
    close: () => client.close(),
  };
}

async function connect2(route: Route, versionNegotiation: VersionNegotiationOptions): Promise<Connected> {
  const asked: string[] = [];
  const client = new Client2(INFO, { capabilities: CAPABILITIES, versionNegotiation });
  client.setRequestHandler('sampling/createMessage', ({ method }) => {
    asked.push(method);
    return SAMPLED;
  });
  client.setRequestHandler('elicitation/create', ({ method }) => {
    asked.push(method);
    return ELICITED;
  });
  client.setRequestHandler('roots/list', ({ method }) => {
    asked.push(method);
    return ROOTS;
  });
  const http = 'url' in route ? new HttpTransport2(new URL(route.url)) : undefined;
  await client.connect(http ?? new StdioTransport2({ ...stdio(route), stderr: 'ignore' }));
  return {
    asked,
    protocolVersion: client.getNegotiatedProtocolVersion(),
    tools: async () => JSON.stringify((await client.listTools()).tools),
    call: (name, args = {}, { signal, onProgress } = {}) =>
      client.callTool(
        { name, arguments: args },
        {
          timeout: TIMEOUT_MS,
          ...(signal === undefined ? {} : { signal }),
          ...(onProgress === undefined ? {} : { onprogress: ({ progress }) => onProgress(progress) }),
        },
      ),
    endSession: async () => http?.terminateSession(),
    close: () => client.close(),
  };
}

function stdio(route: Route): { command: string; args: string[] } {
  if ('url' in route) throw new TypeError('not a command');
  return { command: route.command, args: [...route.args] };
}

/** `@modelcontextprotocol/sdk` 1.x. */
export const SDK_1: Kind = { name: 'sdk 1.x', protocolVersion: '2025-11-25', connect: connect1 };
/** `@modelcontextprotocol/client` 2.x as it is without options. */
export const CLIENT_2_LEGACY: Kind = {
  name: 'client 2.x, 2025-11-25',
  protocolVersion: '2025-11-25',
  connect: (route) => connect2(route, { mode: 'legacy' }),
};
/** `@modelcontextprotocol/client` 2.x that finds out what the server speaks. */
export const CLIENT_2_MODERN: Kind = {
  name: 'client 2.x, 2026-07-28',
  protocolVersion: '2026-07-28',
  connect: (route) => connect2(route, { mode: 'auto' }),
};
