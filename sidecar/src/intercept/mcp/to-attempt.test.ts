import { describe, expect, test } from '@jest/globals';
import { systemClock } from '@portcullis/runtime';
import type { SESSION_SCOPES } from '../canonical-request.js';
import { createAttemptMaker, isAttempt, type Sighting } from './to-attempt.js';

const CALL = {
  kind: 'request',
  id: 1,
  method: 'tools/call',
  params: { name: 'read', arguments: {} },
  value: { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'read', arguments: {} } },
} as const;

/** What an attempt says of sessions, seen with or without one of MCP's. */
function saidOf(scope: (typeof SESSION_SCOPES)[number], mcpSession: string | undefined): unknown {
  const attempts = createAttemptMaker({
    identity: { tenant: 'acme', agent: 'analyst' },
    session: { id: 'run-1', scope },
    environment: undefined,
    clock: systemClock,
    newId: () => 'r',
  });
  const seen: Sighting = {
    server: 'files',
    direction: 'client_to_server',
    era: 'legacy',
    protocolVersion: undefined,
    sessionId: mcpSession,
    behalf: {},
  };
  const made = attempts.fromMessage(CALL, seen);
  if (!isAttempt(made)) throw new Error(made.message);
  const { context, tool } = made.request;
  return { session: context.session_id, mcp: tool?.attributes?.['mcp_session_id'] };
}

describe('the session of an attempt', () => {
  test('is that of the sidecar, whatever the server and its sessions, which are a part of the question', () => {
    expect(saidOf('sidecar', undefined)).toEqual({ session: 'run-1', mcp: undefined });
    expect(saidOf('sidecar', 'theirs')).toEqual({ session: 'run-1', mcp: 'theirs' });
  });

  test("is MCP's own where that is configured, and never nothing", () => {
    expect(saidOf('mcp', 'theirs')).toEqual({ session: 'theirs', mcp: 'theirs' });
    expect(saidOf('mcp', undefined)).toEqual({ session: 'run-1', mcp: undefined });
  });
});

test('an attempt has its members in the order of its canonical text, at every depth, so none has to be sorted', () => {
  const attempts = createAttemptMaker({
    identity: { tenant: 'acme', agent: 'analyst' },
    session: { id: 'run-1', scope: 'sidecar' },
    environment: 'prod',
    clock: systemClock,
    newId: () => 'r',
  });
  const seen: Sighting = {
    server: 'files',
    direction: 'client_to_server',
    era: 'legacy',
    protocolVersion: '2025-11-25',
    sessionId: 'theirs',
    behalf: {},
  };
  const made = attempts.fromMessage({ ...CALL, params: { ...CALL.params, _meta: { a: 1 } } }, seen);
  if (!isAttempt(made)) throw new Error(made.message);
  const orders: string[][] = [];
  JSON.stringify(made.request, (_name, value: unknown) => {
    if (value !== null && typeof value === 'object' && !Array.isArray(value)) orders.push(Object.keys(value));
    return value;
  });
  expect(made.request.tool?.attributes?.['params']).toBeDefined();
  expect(orders).toEqual(orders.map((names) => names.toSorted()));
  expect(orders[0]).toEqual(['agent', 'context', 'kind', 'source', 'tenant_id', 'tool', 'version']);
});
