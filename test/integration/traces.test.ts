/** One trace through a real sidecar and a real PDP: the agent's, with what the sidecar did and what the PDP decided below it. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { request } from 'undici';
import { sourceFiles } from '../support/bundle-source.js';
import { eventually } from '../support/eventually.js';
import { type RecordingUpstream, startRecordingUpstream } from '../support/recording-upstream.js';
import { type Stack, startStack } from '../support/stack.js';

jest.setTimeout(120_000);

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';
const POLICIES = sourceFiles({
  'bundle.yaml': JSON.stringify({
    format: 'portcullis.policy/1',
    name: 'traces',
    version: '1.0.0',
    default: 'deny',
    sets: [{ name: 's', layer: 'platform', combining: 'priority', priority_order: 'desc', policies: 'p' }],
  }),
  'p/all.json': JSON.stringify([{ name: 'All', when: 'always', effect: 'allow', priority: 10 }]),
});

let collector: Server;
let stack: Stack;
let upstream: RecordingUpstream;
const exported: Buffer[] = [];

beforeAll(async () => {
  collector = createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      exported.push(Buffer.concat(chunks));
      response.end();
    });
  }).listen(0, '127.0.0.1');
  await once(collector, 'listening');
  upstream = await startRecordingUpstream();
  const tracing = { endpoint: `http://127.0.0.1:${(collector.address() as AddressInfo).port}/v1/traces` };
  stack = await startStack({ pdp: { tracing } });
  await stack.loaded((await stack.publish(POLICIES)).seq);
  const sidecar = await stack.startSidecar({ upstreams: [{ name: 'files', url: upstream.url }], config: { tracing } });
  const call = async (): Promise<string> => {
    const { body } = await request(sidecar.mcpUrl('files'), {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'mcp-protocol-version': '2025-11-25',
        traceparent: `00-${TRACE}-${SPAN}-01`,
      },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'read', arguments: {} } }),
    });
    return body.text();
  };
  await eventually('an answer', async () => (await call()).includes('"result"'));
});

afterAll(async () => {
  await stack?.close();
  await upstream?.close();
  collector?.close();
});

/** A span as OTLP has it (opentelemetry-proto, trace.proto): `trace_id = 1, span_id = 2, parent_span_id = 4, name = 5`. */
function spansOf(
  body: Buffer,
): { readonly name: string; readonly trace: string; readonly id: string; readonly parent: string }[] {
  const found = [];
  const hex = body.toString('hex');
  for (const match of hex.matchAll(/0a10([0-9a-f]{32})1208([0-9a-f]{16})(?:2208([0-9a-f]{16}))?2a([0-9a-f]{2})/g)) {
    const [whole, trace = '', id = '', parent = '', length = '0'] = match;
    const at = match.index + whole.length;
    const name = Buffer.from(hex.slice(at, at + 2 * Number.parseInt(length, 16)), 'hex').toString();
    found.push({ name, trace, id, parent });
  }
  return found;
}

test('the decision is below the question, which is below the attempt, which is below the agent’s span', async () => {
  const spans = () => exported.flatMap(spansOf).filter(({ trace }) => trace === TRACE);
  await eventually('spans of both', async () => spans().some(({ name }) => name === 'decide') && spans().length >= 4);
  const named = (name: string) => spans().find((span) => span.name === name);
  const attempt = named('tools/call read');
  expect(attempt?.parent).toBe(SPAN);
  expect(named('portcullis decide')?.parent).toBe(attempt?.id);
  expect(named('decide')?.parent).toBe(named('portcullis decide')?.id);
  expect(named('upstream files')?.parent).toBe(attempt?.id);
  const services = exported.map((body) => body.toString('latin1'));
  expect(services.some((text) => text.includes('portcullis-pdp') && text.includes('adjudicate'))).toBe(true);
});
