/** The real A2A proxy in this process, between a fake policy client and a peer whose answers are the test's. */

import { type IncomingHttpHeaders, request, type ServerResponse } from 'node:http';
import { startA2aProxy } from '../intercept/a2a/compose.js';
import { a2aConfig } from '../intercept/a2a/config.js';
import type { Surface } from '../intercept/surface.js';
import { type FakePolicyClient, fakePolicyClient } from './fake-policy-client.js';
import { surfaceParts } from './proxy-harness.js';
import { type RecordingUpstream, recordingUpstream } from './recording-upstream.js';

/** An answer, read whole. */
export interface Answered {
  readonly status: number;
  readonly text: string;
  readonly headers: IncomingHttpHeaders;
  readonly json: {
    readonly id?: unknown;
    readonly result?: unknown;
    readonly error?: { readonly code: number; readonly message: string; readonly data?: unknown };
  };
}

/** A message, as both generations have it. */
export const MESSAGE = { messageId: 'm1', role: 'user', parts: [{ kind: 'text', text: 'hi' }] };
/** The call that sends it, of the older generation. */
export const CALL = { jsonrpc: '2.0', id: 1, method: 'message/send', params: { message: MESSAGE } };
/** The same, to be answered in a stream. */
export const STREAM = { ...CALL, method: 'message/stream' };

/** What differs from a peer that echoes and a policy that allows. */
export interface A2aOptions {
  readonly policy?: FakePolicyClient;
  readonly answer?: (response: ServerResponse, body: string) => void;
  /** As it is, or made once the port of the peer is known. */
  readonly card?: object | string | ((port: number) => object);
  readonly peer?: object;
  readonly limits?: object;
  readonly depth?: number;
}

/** What differs from a call as it should be. */
export interface SendOptions {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: readonly string[];
  readonly host?: string;
}

/** A running proxy and its peer. */
export interface A2aProxy {
  readonly policy: FakePolicyClient;
  readonly upstream: RecordingUpstream;
  readonly proxy: Surface;
  readonly parts: ReturnType<typeof surfaceParts>;
  readonly port: number;
  send(body: unknown, options?: SendOptions): Promise<Answered>;
  /** What the peer got, without what was asked for its card. */
  posts(): RecordingUpstream['requests'];
}

/** Proxies of one test file. */
export interface A2aHarness {
  /** A peer that speaks both generations by hand, behind the proxy; what it answers is up to the test. */
  started(options?: A2aOptions): Promise<A2aProxy>;
  close(): Promise<void>;
}

/** Starts proxies, each with a peer of its own, and closes them all. */
export function createA2aHarness(): A2aHarness {
  const running: (Surface | RecordingUpstream)[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(running.splice(0).map((one) => one.close()));
  };
  async function started(options: A2aOptions = {}): Promise<A2aProxy> {
    const policy = options.policy ?? fakePolicyClient();
    const upstream = await recordingUpstream((recorded, response) => {
      if (recorded.method === 'GET') {
        const card = options.card ?? {
          name: 'books',
          supportedInterfaces: [
            {
              url: `http://127.0.0.1:${upstream.port}/v1`,
              protocolBinding: 'JSONRPC',
              protocolVersion: '1.0',
              tenant: 't',
            },
          ],
          url: `http://127.0.0.1:${upstream.port}/old`,
          protocolVersion: '0.3.0',
          skills: [{ id: 'report', name: 'Report', security: [{ oauth: [] }] }],
        };
        response.writeHead(200, { 'content-type': 'application/json' });
        if (typeof card === 'string') response.end(card);
        else
          response.end(
            JSON.stringify(typeof card === 'function' ? (card as (port: number) => object)(upstream.port) : card),
          );
        return;
      }
      if (options.answer !== undefined) return options.answer(response, recorded.body);
      const { id, params } = JSON.parse(recorded.body) as { id: unknown; params: unknown };
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ jsonrpc: '2.0', id, result: { echo: params ?? null } }));
    });
    const parts = surfaceParts(policy);
    const card = `http://127.0.0.1:${upstream.port}/.well-known/agent-card.json`;
    const proxy = await startA2aProxy(
      a2aConfig.parse({
        peers: [{ name: 'books', card, ...options.peer }],
        limits: options.limits ?? {},
        maxDelegationDepth: options.depth ?? 4,
      }),
      { ...parts, env: { KEY: 'peer-key' } },
    );
    running.push(proxy, upstream);
    const port = Number(proxy.address.split(':').pop());
    const send = (
      body: unknown,
      { method = 'POST', path = '/a2a/books', headers = [], host = `127.0.0.1:${port}` }: SendOptions = {},
    ) =>
      new Promise<Answered>((resolve, reject) => {
        const text =
          body === undefined
            ? undefined
            : typeof body === 'string' || Buffer.isBuffer(body)
              ? body
              : JSON.stringify(body);
        const all = [
          'host',
          host,
          ...(headers.some((name) => name.toLowerCase() === 'content-type') || text === undefined
            ? []
            : ['content-type', 'application/json']),
          ...(text === undefined ? [] : ['content-length', String(Buffer.byteLength(text))]),
          ...headers,
        ];
        const asked = request({ host: '127.0.0.1', port, method, path, headers: all, agent: false }, (answer) => {
          const chunks: Buffer[] = [];
          answer.on('data', (chunk: Buffer) => chunks.push(chunk));
          answer.on('error', reject);
          answer.on('end', () => {
            const got = Buffer.concat(chunks).toString();
            const isJson = answer.headers['content-type'] === 'application/json';
            resolve({
              status: answer.statusCode ?? 0,
              text: got,
              headers: answer.headers,
              json: isJson ? JSON.parse(got) : {},
            });
          });
        });
        asked.on('error', reject);
        asked.end(text);
      });
    const posts = () => upstream.requests.filter(({ method }) => method === 'POST');
    return { policy, upstream, proxy, parts, send, posts, port };
  }
  return { started, close };
}
