import { describe, expect, test } from '@jest/globals';
import type { CanonicalRequest, JsonObject } from '@portcullis/policy/model';
import { toolCall } from '../fixtures/requests.js';
import { bindingOf } from './binding.js';

const META = { 'io.modelcontextprotocol/clientInfo': { name: 'a' } };

/** The binding of a call with these attributes. */
function bound(attributes: JsonObject | undefined, changes: Partial<CanonicalRequest> = {}): string {
  const tool = { server: 'bank', name: 'pay', operation: 'tools/call', arguments: { to: 'bob' } };
  const request = toolCall('pay', { tool: attributes === undefined ? tool : { ...tool, attributes }, ...changes });
  return bindingOf(request, request);
}

const first = {
  direction: 'client_to_server',
  mcp_session_id: 's-1',
  params: { _meta: { ...META, progressToken: 1 } },
};

describe('a call that its client makes again is bound to the same approval', () => {
  test.each<[string, JsonObject]>([
    ['in another session', { ...first, mcp_session_id: 's-2' }],
    ['without a session', { direction: 'client_to_server', params: { _meta: { ...META, progressToken: 1 } } }],
    ['with another progress token', { ...first, params: { _meta: { ...META, progressToken: 'two' } } }],
    ['without a progress token', { ...first, params: { _meta: META } }],
    ['in another trace', { ...first, params: { _meta: { ...META, traceparent: '00-1', tracestate: 'v=1' } } }],
  ])('%s', (_how, attributes) => {
    expect(bound(attributes)).toBe(bound(first));
  });

  test('whether its only parameter is a token, or there is none', () => {
    expect(bound({ direction: 'd', params: { _meta: { progressToken: 1 } } })).toBe(bound({ direction: 'd' }));
  });

  test('asked at another time, under another name', () => {
    const context = { timestamp: '2026-11-22T12:00:00Z', request_id: 'req-2' };
    expect(bound(first, { context })).toBe(bound(first));
  });
});

describe('another call is bound to another approval', () => {
  test.each<[string, JsonObject | undefined]>([
    ['with other metadata', { ...first, params: { _meta: { 'io.modelcontextprotocol/clientInfo': { name: 'b' } } } }],
    ['with more metadata', { ...first, params: { _meta: { ...META, progressToken: 1, baggage: 'user=eve' } } }],
    ['with another parameter', { ...first, params: { _meta: META, task: {} } }],
    ['with what it answers the server', { ...first, params: { _meta: META, inputResponses: {}, requestState: 'u' } }],
    ['with a token that is elsewhere', { ...first, params: { _meta: META, progressToken: 1 } }],
    ['with another attribute', { ...first, protocol_version: '2025-11-25' }],
    ['with parameters that are none', { ...first, params: 'text' }],
    ['without attributes', undefined],
  ])('%s', (_how, attributes) => {
    expect(bound(attributes)).not.toBe(bound(first));
  });

  test('whose argument is named like a token', () => {
    const tool = (args: JsonObject) => ({ server: 'bank', name: 'pay', operation: 'tools/call', arguments: args });
    const one = toolCall('pay', { tool: tool({ _meta: { progressToken: 1 } }) });
    const other = toolCall('pay', { tool: tool({ _meta: { progressToken: 2 } }) });
    expect(bindingOf(one, one)).not.toBe(bindingOf(other, other));
  });
});
