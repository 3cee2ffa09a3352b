/** The real egress proxy in this process, between a fake policy client and origins that count every byte. */

import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { createRegistry, type Registry, systemClock } from '@portcullis/runtime';
import type { BehalfReader } from '../behalf/behalf.js';
import { auditLevel } from '../enforce/capabilities.js';
import { createGuard } from '../enforce/guard.js';
import { createOpenAttempts, type OpenAttempts } from '../enforce/open-attempts.js';
import { createRefuser } from '../enforce/refuse.js';
import { createRequestMaker } from '../intercept/canonical-request.js';
import { startEgressProxy } from '../intercept/egress/compose-egress.js';
import { type EgressConfig, egressConfig } from '../intercept/egress/config.js';
import type { NameLookup } from '../intercept/egress/resolver.js';
import type { Surface } from '../intercept/surface.js';
import { createSidecarMetrics } from '../metrics.js';
import type { FakePolicyClient } from './fake-policy-client.js';
import { NOBODY } from './nobody.js';
import { memoryLog } from './proxy-harness.js';

/** A running proxy. */
export interface EgressHarness {
  readonly surface: Surface;
  readonly port: number;
  readonly url: string;
  readonly registry: Registry;
  readonly logged: string[];
  /** The log lines with this message. */
  lines(message: string): Record<string, unknown>[];
  readonly killEpoch: OpenAttempts['killEpoch'];
  /** Names that were looked up, in order. */
  readonly lookedUp: string[];
  close(): Promise<void>;
}

/** Loopback may be connected to on these ports: where the tests' origins are. */
export function onLoopback(...ports: readonly number[]): EgressConfig['specialAddresses'] {
  return [{ cidrs: ['127.0.0.1', '::1'], ports: [...ports] }];
}

/** Starts the proxy. Names lead to 127.0.0.1 unless `names` says otherwise. */
export async function startEgress(options: {
  readonly client: FakePolicyClient;
  readonly config?: Record<string, unknown>;
  readonly names?: NameLookup;
  readonly env?: Record<string, string>;
  /** Default: nobody is named. */
  readonly behalf?: BehalfReader;
}): Promise<EgressHarness> {
  const { client } = options;
  const registry = createRegistry('portcullis_sidecar');
  const { log, logged } = memoryLog();
  const observer = createSidecarMetrics(registry);
  const open = createOpenAttempts({ client, log, backstopMs: 500 });
  const lookedUp: string[] = [];
  const names = options.names ?? (async () => ['127.0.0.1']);
  const surface = await startEgressProxy(
    egressConfig.parse(options.config ?? {}),
    {
      enforcementOf(source) {
        const refuser = createRefuser({ source, log, observer, records: client });
        const capabilities = { audit_level: auditLevel(() => undefined) };
        const guard = createGuard({ client, open, refuser, clock: systemClock, backstopMs: 500, capabilities });
        const requestOf = createRequestMaker(source, {
          identity: { tenant: 'acme', agent: 'agent-7' },
          session: { id: 'run-1', scope: 'sidecar' },
          environment: 'dev',
          clock: systemClock,
          newId: randomUUID,
        });
        return { guard, refuser, requestOf };
      },
      client,
      behalf: options.behalf ?? NOBODY,
      open,
      observer,
      clock: systemClock,
      log,
      env: options.env ?? {},
    },
    (host) => {
      lookedUp.push(host);
      return names(host);
    },
  );
  const port = Number(surface.address.split(':').pop());
  return {
    surface,
    port,
    url: `http://127.0.0.1:${port}`,
    registry,
    logged,
    lines: (message) =>
      logged.map((line) => JSON.parse(line) as Record<string, unknown>).filter(({ msg }) => msg === message),
    killEpoch: open.killEpoch,
    lookedUp,
    async close() {
      await surface.close();
      await surface.disconnect();
    },
  };
}

/** What a test does with a request that reached its origin. */
export type Serve = (request: IncomingMessage, response: ServerResponse, body: Buffer) => void;

/** An origin that keeps what reached it. */
export interface Origin {
  readonly port: number;
  readonly server: Server;
  /** `METHOD url` of every request. */
  readonly requests: { readonly line: string; readonly rawHeaders: readonly string[]; readonly body: Buffer }[];
  serve: Serve;
  /** Connections that were ever made. */
  readonly connections: () => number;
  close(): Promise<void>;
}

/** Starts one; with a certificate it speaks TLS. */
export async function startOrigin(
  tls?: { readonly certPem: string; readonly keyPem: string },
  serve: Serve = (request, response) => void response.end(`hello ${request.url}`),
): Promise<Origin> {
  let connections = 0;
  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('error', () => undefined);
    request.on('end', () => {
      const body = Buffer.concat(chunks);
      const { method, url, rawHeaders } = request;
      origin.requests.push({ line: `${method} ${url}`, rawHeaders, body });
      origin.serve(request, response, body);
    });
  };
  const server =
    tls === undefined
      ? createHttpServer(onRequest)
      : (createHttpsServer({ cert: tls.certPem, key: tls.keyPem }, onRequest) as unknown as Server);
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const origin: Origin = {
    port: (server.address() as AddressInfo).port,
    server,
    requests: [],
    serve,
    connections: () => connections,
    async close() {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
  return origin;
}

/** A TCP server that keeps every byte. */
export interface ByteRecorder {
  readonly port: number;
  readonly received: () => Buffer;
  readonly connections: () => number;
  /** What it does with a connection besides. */
  greet: (socket: Socket) => unknown;
  close(): Promise<void>;
}

/** Starts one. */
export async function startByteRecorder(): Promise<ByteRecorder> {
  const chunks: Buffer[] = [];
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createTcpServer({ allowHalfOpen: true }, (socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    recorder.greet(socket);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const recorder: ByteRecorder = {
    port: (server.address() as AddressInfo).port,
    received: () => Buffer.concat(chunks),
    connections: () => connections,
    greet: () => undefined,
    async close() {
      for (const socket of sockets) socket.destroy();
      const closed = once(server, 'close');
      server.close();
      await closed;
    },
  };
  return recorder;
}

/** A raw connection to the proxy. */
export interface RawClient {
  readonly socket: Socket;
  /** Everything that came so far. */
  text(): string;
  /** Waits until what came contains `text`, or the connection is over. */
  until(text: string): Promise<string>;
  /** Waits for the end and returns everything. */
  all(): Promise<string>;
}

/** Connects and sends. */
export function rawClient(port: number, ...first: readonly (string | Buffer)[]): RawClient {
  const socket = connect({ port, host: '127.0.0.1' });
  let received = '';
  let over = false;
  const listeners = new Set<() => void>();
  const tell = (): void => {
    for (const listener of listeners) listener();
  };
  socket.on('error', () => undefined);
  socket.on('data', (chunk: Buffer) => {
    received += chunk.toString('latin1');
    tell();
  });
  const end = (): void => {
    over = true;
    tell();
  };
  socket.on('end', end).on('close', end);
  for (const part of first) socket.write(part);
  const when = (isDone: () => boolean): Promise<string> =>
    new Promise((resolve) => {
      const look = (): void => {
        if (!isDone()) return;
        listeners.delete(look);
        resolve(received);
      };
      listeners.add(look);
      look();
    });
  return {
    socket,
    text: () => received,
    until: (text) => when(() => over || received.includes(text)),
    all: () => when(() => over),
  };
}

/** A ClientHello as Node makes it. */
export async function clientHello(options: ConnectionOptions): Promise<Buffer> {
  const recorder = await startByteRecorder();
  const first = new Promise<Buffer>((resolve) => {
    recorder.greet = (incoming) => incoming.once('data', resolve);
  });
  const socket = connectTls({ port: recorder.port, host: '127.0.0.1', rejectUnauthorized: false, ...options });
  socket.on('error', () => undefined);
  const bytes = await first;
  socket.destroy();
  await recorder.close();
  return bytes;
}
