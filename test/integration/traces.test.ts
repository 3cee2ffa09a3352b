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

const TRACE_OF_MESSAGE = 'b7ad6b7169203331aabbccddeeff0011';
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
  /** A call of a tool that says where it is in a trace, in the header of HTTP or in the message. */
  const call = async (trace: string, inMessage: boolean): Promise<string> => {
    const place = { traceparent: `00-${trace}-${SPAN}-01` };
    const params = { name: 'read', arguments: {}, ...(inMessage ? { _meta: place } : {}) };
    const { body } = await request(sidecar.mcpUrl('files'), {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'mcp-protocol-version': '2025-11-25',
        ...(inMessage ? {} : place),
      },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params }),
    });
    return body.text();
  };
  await eventually('an answer', async () => (await call(TRACE, false)).includes('"result"'));
  await eventually('another', async () => (await call(TRACE_OF_MESSAGE, true)).includes('"result"'));
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

test.each([
  ['of its request', TRACE],
  ['of its message', TRACE_OF_MESSAGE],
])('the decision is below the question, below the attempt, below the agent’s span %s', async (_where, traced) => {
  const spans = () => exported.flatMap(spansOf).filter(({ trace }) => trace === traced);
  await eventually('spans of both', async () => spans().some(({ name }) => name === 'decide') && spans().length >= 4);
  const named = (name: string) => spans().find((span) => span.name === name);
  const above = (id: string | undefined) => spans().find((span) => span.id === id);
  const upward = (name: string): string[] => {
    const path: string[] = [];
    for (let span = named(name); span !== undefined; span = above(span.parent)) path.push(span.name, span.parent);
    return path.filter((_, at) => at % 2 === 0).concat(path.at(-1) ?? '');
  };
  await eventually('the agent’s span above', async () => upward('decide').at(-1) === SPAN);
  expect(upward('decide')).toEqual(['decide', 'portcullis decide', 'tools/call read', SPAN]);
  expect(upward('upstream files')).toEqual(['upstream files', 'tools/call read', SPAN]);
  const services = exported.map((body) => body.toString('latin1'));
  expect(services.some((text) => text.includes('portcullis-pdp') && text.includes('adjudicate'))).toBe(true);
});
