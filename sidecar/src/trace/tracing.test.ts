import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { SpanStatusCode } from '@opentelemetry/api';
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import { systemClock } from '@portcullis/runtime';
import { tracingConfig } from '@portcullis/runtime/tracing';
import { createGuard } from '../enforce/guard.js';
import { startA2aProxy } from '../intercept/a2a/compose.js';
import { a2aConfig } from '../intercept/a2a/config.js';
import type { Surface } from '../intercept/surface.js';
import { allow, deny, type FakePolicyClient, fail, fakePolicyClient } from '../testing/fake-policy-client.js';
import { surfaceParts } from '../testing/proxy-harness.js';
import { type RecordingUpstream, recordingUpstream } from '../testing/recording-upstream.js';
import { openTracing } from './open.js';
import type { Tracing } from './port.js';
import { createTracing } from './tracing.js';

const running: (Surface | RecordingUpstream)[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((one) => one.close()));
});

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';
const SECRET = 'the launch code is 7';

/** A surface with real enforcement, watched. */
async function watched(policy: FakePolicyClient, tracing: Tracing) {
  const upstream = await recordingUpstream((recorded, response) => {
    if (recorded.method === 'POST' && recorded.body.includes('break')) return void response.destroy();
    const card = { url: `http://127.0.0.1:${upstream.port}/rpc`, protocolVersion: '0.3.0', skills: [{ id: 'report' }] };
    const body = recorded.method === 'GET' ? card : { jsonrpc: '2.0', id: 1, result: { text: SECRET } };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  const parts = surfaceParts(policy);
  const client = tracing.client(policy);
  const proxy = await startA2aProxy(
    a2aConfig.parse({ peers: [{ name: 'books', card: `http://127.0.0.1:${upstream.port}/card` }] }),
    {
      ...parts,
      client,
      traceHeaders: tracing.headersOf,
      enforcementOf(source) {
        const { refuser, requestOf } = parts.enforcementOf(source);
        const guard = createGuard({
          client,
          open: { kills: 0, stops: async () => undefined },
          refuser,
          clock: systemClock,
          backstopMs: 200,
          capabilities: {},
        });
        return { guard: tracing.guard(guard), refuser, requestOf };
      },
    },
  );
  running.push(proxy, upstream);
  const send = async (text = SECRET): Promise<unknown> => {
    const message = { messageId: 'm', role: 'user', parts: [{ kind: 'text', text }] };
    const answer = await fetch(`http://${proxy.address}/a2a/books`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', traceparent: `00-${TRACE}-${SPAN}-01`, tracestate: 'vendor=1' },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'message/send', params: { message } }),
    });
    return answer.json();
  };
  const posted = () => upstream.requests.filter(({ method }) => method === 'POST');
  return { send, posted };
}

function inMemory() {
  const exporter = new InMemorySpanExporter();
  const provider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] });
  const tracing = createTracing(provider.getTracer('test'), () => provider.forceFlush());
  const spans = () => exporter.getFinishedSpans();
  return { tracing, spans, named: (name: string) => spans().find((span) => span.name === name) };
}

describe('an attempt', () => {
  test('is a span of its caller’s trace, with the question and what is upstream in it', async () => {
    const { tracing, spans, named } = inMemory();
    const { send, posted } = await watched(fakePolicyClient(), tracing);
    await send();
    const attempt = named('message/send report');
    const decide = named('portcullis decide');
    const upstream = named('upstream books');
    expect(spans()).toHaveLength(3);
    expect(spans().map((span) => span.spanContext().traceId)).toEqual([TRACE, TRACE, TRACE]);
    expect(attempt?.parentSpanContext?.spanId).toBe(SPAN);
    expect(decide?.parentSpanContext?.spanId).toBe(attempt?.spanContext().spanId);
    expect(upstream?.parentSpanContext?.spanId).toBe(attempt?.spanContext().spanId);
    expect(attempt?.attributes).toMatchObject({
      'portcullis.source': 'a2a_proxy',
      'portcullis.peer': 'books',
      'portcullis.peer.skill': 'report',
      'portcullis.decision_id': expect.stringContaining('decision-'),
      'portcullis.outcome': 'forwarded',
      'rpc.method': 'message/send',
      'gen_ai.agent.id': 'agent-7',
    });
    expect(posted()[0]?.headers).toMatchObject({
      traceparent: `00-${TRACE}-${upstream?.spanContext().spanId}-01`,
      tracestate: 'vendor=1',
    });
    const written = JSON.stringify(
      spans().map(({ name, attributes, events, links }) => [name, attributes, events, links]),
    );
    expect(written).not.toContain('launch code');
  });

  test.each([
    ['denied', deny(), 'denied', 'POLICY_DENIED', SpanStatusCode.UNSET],
    ['not decided', fail('PDP_UNAVAILABLE'), 'failed_closed', 'PDP_UNAVAILABLE', SpanStatusCode.ERROR],
  ] as const)('that is %s says so, and has nothing upstream', async (_what, behaviour, outcome, code, status) => {
    const { tracing, spans, named } = inMemory();
    const { send } = await watched(fakePolicyClient(behaviour), tracing);
    await send();
    expect(spans()).toHaveLength(2);
    expect(named('message/send report')).toMatchObject({
      attributes: { 'portcullis.outcome': outcome, 'error.type': code },
      status: { code: status },
    });
  });

  test('that fails upstream is an error', async () => {
    const { tracing, named } = inMemory();
    const { send } = await watched(fakePolicyClient(), tracing);
    await send('break');
    expect(named('upstream books')).toMatchObject({ status: { code: SpanStatusCode.ERROR } });
  });

  test('whose result is reported ends with the report', async () => {
    const { tracing, spans } = inMemory();
    const order = allow({ obligations: [{ type: 'report_result', value: { max_bytes: 1024 } }] });
    const { send } = await watched(fakePolicyClient(order), tracing);
    await send();
    expect(spans()).toHaveLength(3);
  });

  test('of an MCP message is where its _meta says; the header’s place is a link', async () => {
    const { tracing, spans } = inMemory();
    const policy = fakePolicyClient(deny());
    const { guard, requestOf } = surfaceParts(policy).enforcementOf('mcp_proxy');
    const other = TRACE.replace('0', '1');
    const meta = { traceparent: `00-${other}-${SPAN}-01` };
    const tool = { server: 'files', name: 'read', operation: 'tools/call', attributes: { params: { _meta: meta } } };
    await tracing.guard(guard)({
      request: requestOf({ behalf: {}, kind: 'tool_call', tool: { ...tool, arguments: { path: SECRET } } }),
      server: 'files',
      direction: 'client_to_server',
      payload: '{}',
      trace: { traceparent: `00-${TRACE}-${SPAN}-01` },
    });
    const [span] = spans();
    expect([span?.name, span?.spanContext().traceId]).toEqual(['tools/call read', other]);
    expect(span?.links.map((link) => link.context.traceId)).toEqual([TRACE]);
    expect(span?.attributes).toMatchObject({
      'gen_ai.operation.name': 'execute_tool',
      'gen_ai.tool.name': 'read',
      'mcp.method.name': 'tools/call',
    });
    expect(JSON.stringify(span?.attributes)).not.toContain('launch code');
  });

  test('that nobody ends is ended when the sidecar is', async () => {
    const { tracing, spans } = inMemory();
    const policy = fakePolicyClient();
    const { guard, requestOf } = surfaceParts(policy).enforcementOf('a2a_proxy');
    const request = requestOf({ behalf: {}, kind: 'a2a', peer: { agent_id: 'x' } });
    await tracing.guard(guard)({ request, server: 'x', direction: 'client_to_server', payload: undefined });
    expect(spans()).toHaveLength(0);
    await tracing.close();
    expect(spans()).toMatchObject([
      { name: 'upstream x', attributes: { 'portcullis.outcome': 'unknown' } },
      { name: 'a2a', attributes: { 'portcullis.outcome': 'unknown' } },
    ]);
  });
});

test('spans reach a collector over OTLP, with its credential, and what it cannot take harms nobody', async () => {
  const got: {
    readonly body: Buffer;
    readonly key: string | string[] | undefined;
    readonly type: string | undefined;
  }[] = [];
  const collector = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      got.push({ body: Buffer.concat(chunks), key: request.headers['x-key'], type: request.headers['content-type'] });
      response.writeHead(got.length > 1 ? 400 : 200).end();
    });
  });
  collector.listen(0, '127.0.0.1');
  await once(collector, 'listening');
  const endpoint = `http://127.0.0.1:${(collector.address() as AddressInfo).port}/v1/traces`;
  const config = tracingConfig.parse({ endpoint, headers: { 'x-key': { env: 'KEY' } } });
  const tracing = await openTracing(config, { KEY: 'collector-key' });
  if (tracing === undefined) throw new TypeError('expected traces');
  const { send } = await watched(fakePolicyClient(), tracing);
  await send();
  await tracing.close();
  collector.close();
  expect(got).toMatchObject([{ key: 'collector-key', type: 'application/x-protobuf' }]);
  const text = got[0]?.body.toString('latin1') ?? '';
  for (const name of ['portcullis-sidecar', 'message/send report', 'upstream books']) expect(text).toContain(name);
  expect(text).not.toContain('launch code');
});

test('without configuration there are none', async () => {
  expect(await openTracing(undefined, {})).toBeUndefined();
});
