import { describe, expect, test } from '@jest/globals';
import { toolCall } from '../fixtures/module-source.js';
import { toCedarRequest } from './cedar-request.js';

test('a tool call', () => {
  const request = toolCall({ user: { id: 'u1', team: 'finance' }, facts: { sinks: ['egress'] } });
  expect(toCedarRequest(request)).toEqual({
    principal: { type: 'Agent', id: 'acme/assistant' },
    action: { type: 'Action', id: 'tool_call' },
    resource: { type: 'Tool', id: 'files/read_file' },
    context: {
      timestamp: { __extn: { fn: 'datetime', arg: '2026-03-01T09:30:00.000Z' } },
      ip: { __extn: { fn: 'ip', arg: '10.1.2.3' } },
      request_id: 'r-1',
      environment: 'prod',
      source: 'mcp_proxy',
      tenant_id: 'acme',
      user: { id: 'u1', team: 'finance' },
      facts: { sinks: ['egress'] },
    },
    entities: [
      {
        uid: { type: 'Agent', id: 'acme/assistant' },
        attrs: {
          id: 'assistant',
          type: 'service',
          tenant: 'acme',
          trust_level: { __extn: { fn: 'decimal', arg: '1.0000' } },
        },
        parents: [{ type: 'Tenant', id: 'acme' }],
      },
      { uid: { type: 'Tenant', id: 'acme' }, attrs: {}, parents: [] },
      {
        uid: { type: 'Tool', id: 'files/read_file' },
        attrs: {
          server: 'files',
          name: 'read_file',
          operation: 'tools/call',
          arguments: { path: '/srv/notes.txt' },
        },
        parents: [{ type: 'Server', id: 'files' }],
      },
      { uid: { type: 'Server', id: 'files' }, attrs: {}, parents: [] },
    ],
  });
});

test.each([
  {
    name: 'inference',
    parts: { kind: 'inference', tool: undefined, request: { model_provider: 'openai', model: 'gpt', max_tokens: 5 } },
    resource: { type: 'Model', id: 'openai/gpt' },
  },
  {
    name: 'egress',
    parts: { kind: 'egress', egress: { host: 'example.com', resolved_ips: ['10.0.0.1'] } },
    resource: { type: 'Host', id: 'example.com' },
  },
  { name: 'a2a', parts: { kind: 'a2a', peer: { agent_id: 'p' } }, resource: { type: 'Peer', id: 'p' } },
  { name: 'session', parts: { kind: 'session', tool: undefined }, resource: { type: 'Tool', id: '/' } },
  {
    name: 'seed-shaped input',
    parts: { kind: undefined, source: 'llm_proxy', request: { model: 'm' } },
    resource: { type: 'Model', id: '/m' },
  },
])('$name acts on $resource.type', ({ parts, resource }) => {
  expect(toCedarRequest(toolCall(parts)).resource).toEqual(resource);
});

test('a part that is not the resource is in the context', () => {
  const { context } = toCedarRequest(toolCall({ kind: 'egress', egress: { host: 'h' } }));
  expect(context['tool']).toMatchObject({ server: 'files' });
  expect(context).not.toHaveProperty('egress');
});

test('shares are decimals whether they are whole or not, sizes are longs', () => {
  const request = toolCall({
    kind: 'egress',
    egress: { host: 'h', port: 443, bytes: 10, resolved_ips: ['10.0.0.1'] },
    intent_risk: { decision: 'REVIEW', risk_dimensions: { fraud: 1, leak: 0.25 } },
  });
  const { context, entities } = toCedarRequest(request);
  expect(context['intent_risk']).toEqual({
    decision: 'REVIEW',
    risk_dimensions: {
      fraud: { __extn: { fn: 'decimal', arg: '1.0000' } },
      leak: { __extn: { fn: 'decimal', arg: '0.2500' } },
    },
  });
  expect(entities[2]?.attrs).toEqual({
    host: 'h',
    port: 443,
    bytes: 10,
    resolved_ips: [{ __extn: { fn: 'ip', arg: '10.0.0.1' } }],
  });
});

describe('names', () => {
  test('of tools of different servers never coincide', () => {
    const nameOf = (server: string, name: string): string =>
      toCedarRequest(toolCall({ tool: { server, name } })).resource.id;
    expect(nameOf('a/b', 'c')).toBe('a%2Fb/c');
    expect(nameOf('a', 'b/c')).toBe('a/b/c');
    expect(nameOf('a%2Fb', 'c')).toBe('a%252Fb/c');
  });

  test('the context cannot claim another tenant', () => {
    const context = { timestamp: '2026-03-01T09:30:00Z', request_id: 'r', tenant_id: 'other' };
    expect(toCedarRequest(toolCall({ context })).context['tenant_id']).toBe('acme');
  });

  test('an agent cannot claim another tenant by an attribute', () => {
    const agent = { id: 'a', tenant: 'other' };
    expect(toCedarRequest(toolCall({ agent })).entities[0]?.attrs['tenant']).toBe('acme');
  });
});

test.each<[field: string, change: Readonly<Record<string, unknown>>]>([
  ['tenant_id', { tenant_id: 7 }],
  ['agent', { agent: 'a' }],
  ['agent.id', { agent: {} }],
  ['agent.trust_level', { agent: { id: 'a', trust_level: 'high' } }],
  ['context', { context: [] }],
  ['context.ip', { context: { ip: 'x' } }],
  ['tool', { tool: [] }],
  ['tool.name', { tool: { name: 1 } }],
  ['egress.resolved_ips', { kind: 'egress', egress: { resolved_ips: '10.0.0.1' } }],
  ['kind', { kind: 'teleport' }],
])('a request with a wrong %s has no form in Cedar', (field, change) => {
  expect(() => toCedarRequest(toolCall(change))).toThrow(new RegExp(`^${field.replace('.', '\\.')} `));
});
