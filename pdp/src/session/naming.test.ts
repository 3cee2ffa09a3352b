import { expect, test } from '@jest/globals';
import type { CanonicalRequest } from '@portcullis/policy/model';
import { canReport, isRecorded } from './naming.js';

const asked = (parts: Partial<CanonicalRequest>): CanonicalRequest => ({
  version: '1.0',
  tenant_id: 'acme',
  source: 'a2a_proxy',
  agent: { id: 'analyst' },
  context: { timestamp: '2026-11-22T00:00:00Z', request_id: 'r' },
  ...parts,
});

const ofTask = (operation: string, direction = 'client_to_server'): Partial<CanonicalRequest> => ({
  kind: 'session',
  source: 'mcp_proxy',
  tool: { server: 'files', name: 'task-1', operation, attributes: { direction } },
});

test.each<[string, Partial<CanonicalRequest>, boolean]>([
  ['a message to another agent', { tool: { operation: 'SendMessage' } }, true],
  ['a look at a skill of its card', { tool: { operation: 'agent-card/skill' } }, false],
  ['a tool of that name elsewhere', { source: 'mcp_proxy', tool: { operation: 'agent-card/skill' } }, true],
  ['what a protocol needs', { kind: 'session' }, false],
  ['to fetch what a task brought', ofTask('tasks/get'), true],
  ['to wait for it', ofTask('tasks/result'), true],
  ['to end a task', ofTask('tasks/cancel'), false],
  ['a server that fetches', ofTask('tasks/get', 'server_to_client'), false],
])('%s: an act of the agent is %j', (_what, parts, expected) => {
  expect(isRecorded(asked(parts))).toBe(expected);
});

test('what other agents answer is not ordered to be reported', () => {
  expect(canReport(asked({ tool: { operation: 'SendMessage', attributes: { direction: 'client_to_server' } } }))).toBe(
    false,
  );
});
