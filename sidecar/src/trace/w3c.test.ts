import { describe, expect, test } from '@jest/globals';
import type { CanonicalRequest, JsonObject } from '@portcullis/policy/model';
import { metaFields, readPlace } from './w3c.js';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';

describe('traceparent', () => {
  test.each([
    ['sampled', `00-${TRACE}-${SPAN}-01`, true],
    ['not sampled', `00-${TRACE}-${SPAN}-00`, false],
    ['with flags of tomorrow', `00-${TRACE}-${SPAN}-ff`, true],
    ['of a version of tomorrow', `01-${TRACE}-${SPAN}-01-more`, true],
  ])('%s names a place', (_what, traceparent, isSampled) => {
    expect(readPlace({ traceparent, tracestate: 'a=1' })).toEqual({
      traceId: TRACE,
      spanId: SPAN,
      isSampled,
      state: 'a=1',
    });
  });

  test.each([
    ['absent', undefined],
    ['empty', ''],
    ['upper case', `00-${TRACE.toUpperCase()}-${SPAN}-01`],
    ['no trace', `00-${'0'.repeat(32)}-${SPAN}-01`],
    ['no span', `00-${TRACE}-${'0'.repeat(16)}-01`],
    ['the forbidden version', `ff-${TRACE}-${SPAN}-01`],
    ['more than its version has', `00-${TRACE}-${SPAN}-01-more`],
    ['too short', `00-${TRACE}-${SPAN}`],
    ['two of them', `00-${TRACE}-${SPAN}-01, 00-${TRACE}-${SPAN}-01`],
  ])('%s names none', (_what, traceparent) => {
    expect(readPlace({ traceparent })).toBeUndefined();
  });

  test('a state that is too long is left out, the place is not', () => {
    const place = readPlace({ traceparent: `00-${TRACE}-${SPAN}-01`, tracestate: 'a='.padEnd(600, 'x') });
    expect(place).toMatchObject({ traceId: TRACE, state: '' });
  });
});

describe('_meta of an MCP message', () => {
  const asked = (source: CanonicalRequest['source'], params: JsonObject): CanonicalRequest => ({
    version: '1.0',
    tenant_id: 'acme',
    source,
    kind: 'tool_call',
    agent: { id: 'a' },
    tool: { attributes: { params } },
    context: { timestamp: '2026-11-22T00:00:00Z', request_id: 'r' },
  });
  test('is read', () => {
    const meta = { traceparent: 'x', tracestate: 'y' };
    expect(metaFields(asked('mcp_proxy', { _meta: meta }))).toEqual(meta);
  });
  test.each([
    ['of another surface', asked('sdk', { _meta: { traceparent: 'x' } })],
    ['absent', asked('mcp_proxy', {})],
    ['no object', asked('mcp_proxy', { _meta: 'x' })],
    ['of another type', asked('mcp_proxy', { _meta: { traceparent: 7 } })],
  ])('%s says nothing', (_what, request) => {
    expect(metaFields(request)).toBeUndefined();
  });
});
