/** Messages that a real agentgateway sent; test/conformance/agentgateway.ts has the whole of it. */
import { expect, test } from '@jest/globals';
import { AGENTGATEWAY_MESSAGES } from '../fixtures/agentgateway-messages.js';
import { createTestGateways } from '../fixtures/gateways.js';

const ECHO = { name: 'echo', arguments: { label: 'hé', size: 16, ms: 0 } };

test.each([
  ['initialize', 'files', { kind: 'session', tool: { operation: 'initialize' } }],
  ['a list of several servers', 'mail', { kind: 'tool_list', tool: { operation: 'tools/list' } }],
  ['a call', 'files', { kind: 'tool_call', tool: ECHO }],
  ['a call of 2026-07-28', 'mail', { kind: 'tool_call', tool: ECHO }],
] as const)('its hook asks about %s', async (name, server, expected) => {
  const gateways = createTestGateways({ extMcp: { principal: 'principal' } });
  const answer = await gateways.checkMcpRecorded(Buffer.from(AGENTGATEWAY_MESSAGES[name], 'base64'));
  expect([gateways.problem(), answer.result]).toEqual(['', 'pass']);
  expect(gateways.asked()).toMatchObject({ tenant_id: 'acme', agent: { id: 'analyst' }, ...expected });
  expect(gateways.asked().tool?.server).toBe(server);
  // It does not show `_meta`, which the client sent.
  expect(gateways.asked().tool?.attributes).toEqual({ direction: 'client_to_server' });
});

test.each([
  ['a message with a call', { kind: 'tool_call', tool: { server: 'files', ...ECHO } }],
  ['a message with a call of 2026-07-28', { kind: 'tool_call', tool: { server: 'mail', ...ECHO } }],
  ['a notification', { kind: 'session', tool: { operation: 'notifications/initialized' } }],
  ['a stream', { kind: 'session', tool: { operation: 'http/stream.open' } }],
  ['the end of a session', { kind: 'session', tool: { operation: 'http/session.delete' } }],
  ['a connection', { kind: 'egress', egress: { scheme: 'https', method: 'GET', path: '/public' } }],
  ['a body in chunks', { kind: 'egress', egress: { method: 'POST', bytes: 8 } }],
] as const)('its ext_authz asks about %s', async (name, expected) => {
  const gateways = createTestGateways({ extAuthz: { mcpServerExtension: 'portcullis.mcp_server' } });
  const answer = await gateways.checkRecorded(Buffer.from(AGENTGATEWAY_MESSAGES[name], 'base64'));
  expect([gateways.problem(), answer.http_response]).toEqual(['', 'ok_response']);
  expect(gateways.asked()).toMatchObject({ tenant_id: 'acme', agent: { id: 'analyst' }, ...expected });
});
