import { describe, expect, test } from '@jest/globals';
import { SpanStatusCode } from '@opentelemetry/api';
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import { remoteContext } from '@portcullis/runtime/tracing/context';
import { pipelineOf } from '../fixtures/pipeline.js';
import { ALLOW_ALL, engineOf } from '../fixtures/policies.js';
import { toolCall } from '../fixtures/requests.js';
import type { Attempt } from '../pipeline/chain.js';
import type { DecideParts } from '../pipeline/decide.js';
import { createDecisionTracer } from './decision-tracer.js';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';
const ENGINE = engineOf([ALLOW_ALL]);

async function traced(attempt: Partial<Attempt>, parts: Partial<DecideParts> = {}) {
  const exporter = new InMemorySpanExporter();
  const provider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] });
  const tracer = createDecisionTracer({ tracer: provider.getTracer('test'), contextOf: remoteContext });
  const request = toolCall('read', {
    tool: { name: 'read', server: 'files', arguments: { path: 'the launch code is 7' } },
  });
  const pipeline = pipelineOf(ENGINE, { tracer, ...parts });
  const decision = await pipeline.decide(request, { userToken: undefined, ...attempt });
  return { decision, spans: exporter.getFinishedSpans(), pipeline };
}

describe('a decision', () => {
  test('is a span below the one that asked, with its stages in their order, and names only', async () => {
    const { decision, spans } = await traced({
      trace: { traceparent: `00-${TRACE}-${SPAN}-01`, tracestate: 'vendor=1' },
    });
    const [span] = spans;
    expect(spans).toHaveLength(1);
    expect(span?.spanContext().traceId).toBe(TRACE);
    expect(span?.parentSpanContext?.spanId).toBe(SPAN);
    expect(span?.events.map(({ name }) => name)).toEqual(['normalize', 'identify', 'context', 'risk', 'adjudicate']);
    expect(span?.attributes).toMatchObject({
      'portcullis.decision_id': decision.decision_id,
      'portcullis.effect': decision.effect,
      'portcullis.source': 'mcp_proxy',
    });
    expect(JSON.stringify([span?.attributes, span?.events, span?.name])).not.toContain('launch code');
  });

  test.each([
    ['nothing', undefined],
    ['what is no place', { traceparent: 'nonsense', tracestate: 'x' }],
  ])('begins a trace of its own where the question says %s', async (_what, trace) => {
    const { spans } = await traced({ trace });
    expect(spans).toHaveLength(1);
    expect(spans[0]?.parentSpanContext).toBeUndefined();
  });

  test('that was none of policy’s is an error; one that was not understood is told all the same', async () => {
    const { spans } = await traced({ deadline: 0 });
    expect(spans[0]?.status.code).toBe(SpanStatusCode.ERROR);
    expect(spans[0]?.attributes['error.type']).toBe('PDP_TIMEOUT');
    const unread = await traced({ subject: { ok: false, problems: [] } });
    expect(unread.spans[0]?.attributes['error.type']).toBe('REQUEST_INVALID');
    expect(unread.spans[0]?.status.code).toBe(SpanStatusCode.UNSET);
  });

  test('is answered though its span fails', async () => {
    const tracer = {
      decided: () => {
        throw new Error('full');
      },
    };
    const { decision, pipeline } = await traced({}, { tracer });
    expect(decision.decision_id).not.toBe('');
    expect(pipeline.defects).toEqual(['full']);
  });
});
