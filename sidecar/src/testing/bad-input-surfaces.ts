/** Every way out of the agent, small and real, as something that bytes can be said to: for tables of bad inputs. */

import { PassThrough } from 'node:stream';
import { createRegistry } from '@portcullis/runtime';
import { startA2aProxy } from '../intercept/a2a/compose.js';
import { a2aConfig } from '../intercept/a2a/config.js';
import { startAuthorizeApi } from '../intercept/authorize/compose.js';
import { authorizeConfig } from '../intercept/authorize/config.js';
import { redactingFilters } from '../intercept/llm/redacting.js';
import { definitionsConfig } from '../intercept/mcp/definitions/config.js';
import { openToolDefinitions } from '../intercept/mcp/definitions/open.js';
import { createAnswerNews } from '../intercept/mcp/held/answer-news.js';
import { startChild } from '../intercept/mcp/stdio/child.js';
import { runStdio } from '../intercept/mcp/stdio/stdio.js';
import { clientHello, onLoopback, rawClient, startByteRecorder, startEgress, startOrigin } from './egress-harness.js';
import type { FakePolicyClient } from './fake-policy-client.js';
import { startLlmHarness } from './llm-harness.js';
import { NOBODY } from './nobody.js';
import { chatCompletion } from './provider-wire.js';
import { enforcementParts, memoryLog, startHarness, surfaceParts, testRedactor } from './proxy-harness.js';
import { answerJson, recordingUpstream } from './recording-upstream.js';

/** The surfaces by name. */
export const SURFACE_NAMES = ['mcp', 'stdio', 'llm', 'egress', 'connect', 'a2a', 'authorize'] as const;
/** A surface. */
export type SurfaceName = (typeof SURFACE_NAMES)[number];

/** A running surface. */
export interface BadInputSurface {
  /** The request line without its version, where it speaks HTTP, and the authority of the Host field. */
  readonly line: string;
  readonly host: string;
  /** Where it listens, where it does on a port. */
  readonly port?: number;
  /** A body that would be forwarded; empty where bodies are not looked into. */
  readonly good: string;
  /** Says it on a connection of its own, or as one line; what came back until that was over. */
  say(bytes: string | Buffer): Promise<string>;
  /** How much has reached what is upstream: requests, lines or bytes. */
  reached(): number;
  /** Whether an answer is an error in the surface's own shape. */
  isOwnError(answer: string): boolean;
  close(): Promise<void>;
}

/** Most bytes of a body or a line on these surfaces. */
export const MAX_BODY = 65_536;
/** Time for heads and bodies to arrive on them, ms. */
export const PATIENCE_MS = 400;

const LIMITS = { maxBodyBytes: MAX_BODY, headersTimeoutMs: PATIENCE_MS, bodyTimeoutMs: PATIENCE_MS };
const CALL = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'read', arguments: { path: '/a' } } };
const MESSAGE = { messageId: 'm1', role: 'user', parts: [{ kind: 'text', text: 'hi' }] };

function bodyOf(answer: string): Record<string, unknown> {
  try {
    const at = answer.indexOf('\r\n\r\n');
    return JSON.parse(at === -1 ? answer : answer.slice(at + 4)) as Record<string, unknown>;
  } catch {
    return {};
  }
}

const isRpcError = (answer: string): boolean =>
  typeof (bodyOf(answer)['error'] as { code?: unknown } | undefined)?.code === 'number';

/** Starts one in front of `client`. */
export const START: Readonly<Record<SurfaceName, (client: FakePolicyClient) => Promise<BadInputSurface>>> = {
  async mcp(client) {
    const upstream = await recordingUpstream();
    const harness = await startHarness({ client, upstreamUrl: upstream.url, limits: LIMITS });
    return {
      port: harness.port,
      line: 'POST /mcp/files',
      host: `127.0.0.1:${harness.port}`,
      good: JSON.stringify(CALL),
      say: (bytes) => rawClient(harness.port, bytes).all(),
      reached: () => upstream.requests.length,
      isOwnError: isRpcError,
      async close() {
        await harness.close();
        await upstream.close();
      },
    };
  },
  async stdio(client) {
    let got = 0;
    const parts = enforcementParts(client, createRegistry('x'), memoryLog().log, 5_000, undefined, createAnswerNews());
    const server = `process.stdin.on('data', (chunk) => { for (const line of String(chunk).split('\\n')) if (line !== '')
      process.stdout.write(JSON.stringify({ jsonrpc: '2.0', id: JSON.parse(line).id, result: { reached: true } }) + '\\n') })`;
    const child = await startChild({
      name: 'files',
      command: process.execPath,
      args: ['-e', server],
      env: {},
      graceMs: 300,
    });
    const input = new PassThrough();
    const output = new PassThrough();
    const tools = await openToolDefinitions(definitionsConfig.parse({ unseen: 'ask' }), {
      ...parts,
      guard: parts.listingGuard,
    });
    const minimumVersion = '2025-03-26';
    const done = runStdio({
      ...parts,
      behalf: NOBODY,
      tools,
      child,
      input,
      output,
      minimumVersion,
      maxMessageBytes: MAX_BODY,
      maxPending: 8,
    });
    return {
      line: '',
      host: '',
      good: JSON.stringify(CALL),
      async say(bytes) {
        const answered = new Promise<string>((resolve) => {
          let text = '';
          const listen = (chunk: Buffer): void => {
            text += chunk.toString();
            if (!text.includes('\n')) return;
            output.off('data', listen);
            if (text.includes('"reached"')) got += 1;
            resolve(text);
          };
          output.on('data', listen);
        });
        input.write(bytes);
        input.write('\n');
        return answered;
      },
      reached: () => got,
      isOwnError: isRpcError,
      async close() {
        input.end();
        await done;
      },
    };
  },
  async llm(client) {
    const upstream = await recordingUpstream((_request, response) => answerJson(response, chatCompletion('hello')));
    const filters = redactingFilters(testRedactor(), 'acme');
    const harness = await startLlmHarness({ client, url: upstream.url, config: { limits: LIMITS }, filters });
    return {
      port: harness.port,
      line: 'POST /v1/chat/completions',
      host: `127.0.0.1:${harness.port}`,
      good: JSON.stringify({ model: 'gpt-4o', messages: [{ role: 'user', content: 'hi' }] }),
      say: (bytes) => rawClient(harness.port, bytes).all(),
      reached: () => upstream.requests.length,
      isOwnError: (answer) =>
        typeof (bodyOf(answer)['error'] as { message?: unknown } | undefined)?.message === 'string',
      async close() {
        await harness.close();
        await upstream.close();
      },
    };
  },
  async egress(client) {
    const upstream = await startOrigin();
    const harness = await startEgress({
      client,
      config: {
        specialAddresses: onLoopback(upstream.port),
        limits: { headersTimeoutMs: PATIENCE_MS, maxUploadBytes: MAX_BODY, bytesPerDecision: MAX_BODY },
      },
    });
    return {
      port: harness.port,
      line: `POST http://site.test:${upstream.port}/`,
      host: `site.test:${upstream.port}`,
      good: '',
      say: (bytes) => rawClient(harness.port, bytes).all(),
      reached: () => upstream.connections(),
      isOwnError: (answer) => String(bodyOf(answer)['type']).startsWith('urn:portcullis:'),
      async close() {
        await harness.close();
        await upstream.close();
      },
    };
  },
  async connect(client) {
    const upstream = await startByteRecorder();
    upstream.greet = (socket) => socket.end('hello');
    const harness = await startEgress({
      client,
      config: { specialAddresses: onLoopback(upstream.port), limits: { headersTimeoutMs: PATIENCE_MS } },
    });
    const hello = await clientHello({ servername: 'site.test' });
    return {
      port: harness.port,
      line: `CONNECT site.test:${upstream.port}`,
      host: `site.test:${upstream.port}`,
      good: hello.toString('latin1'),
      say: (bytes) => rawClient(harness.port, Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes, 'latin1')).all(),
      reached: () => upstream.received().length,
      isOwnError: (answer) => String(bodyOf(answer)['type']).startsWith('urn:portcullis:'),
      async close() {
        await harness.close();
        await upstream.close();
      },
    };
  },
  async a2a(client) {
    const upstream = await recordingUpstream((recorded, response) => {
      const url = `http://127.0.0.1:${upstream.port}/v1`;
      const card = { name: 'books', url, protocolVersion: '0.3.0', skills: [{ id: 'report', name: 'Report' }] };
      if (recorded.method === 'GET') return answerJson(response, card);
      return answerJson(response, {
        jsonrpc: '2.0',
        id: (JSON.parse(recorded.body) as { id: unknown }).id,
        result: {},
      });
    });
    const config = a2aConfig.parse({
      peers: [{ name: 'books', card: `http://127.0.0.1:${upstream.port}/.well-known/agent-card.json` }],
      limits: LIMITS,
    });
    const surface = await startA2aProxy(config, surfaceParts(client));
    const port = Number(surface.address.split(':').pop());
    return {
      port,
      line: 'POST /a2a/books',
      host: `127.0.0.1:${port}`,
      good: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'message/send', params: { message: MESSAGE } }),
      say: (bytes) => rawClient(port, bytes).all(),
      reached: () => upstream.requests.filter(({ method }) => method === 'POST').length,
      isOwnError: isRpcError,
      async close() {
        await surface.close();
        await surface.disconnect();
        await upstream.close();
      },
    };
  },
  async authorize(client) {
    const surface = await startAuthorizeApi(authorizeConfig.parse({ limits: LIMITS }), surfaceParts(client));
    const port = Number(surface.address.split(':').pop());
    return {
      port,
      line: 'POST /v1/authorize',
      host: `127.0.0.1:${port}`,
      good: JSON.stringify({ tool: { server: 'files', name: 'read', operation: 'tools/call', arguments: {} } }),
      say: (bytes) => rawClient(port, bytes).all(),
      // Nothing is upstream of it: what an allow would have released is a question.
      reached: () => client.asked.length,
      isOwnError: (answer) => typeof bodyOf(answer)['decision'] === 'string' && bodyOf(answer)['decision'] !== 'allow',
      async close() {
        await surface.close();
        await surface.disconnect();
      },
    };
  },
};
