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

test.each<[string, Partial<CanonicalRequest>, boolean]>([
  ['a message to another agent', { tool: { operation: 'SendMessage' } }, true],
  ['a look at a skill of its card', { tool: { operation: 'agent-card/skill' } }, false],
  ['a tool of that name elsewhere', { source: 'mcp_proxy', tool: { operation: 'agent-card/skill' } }, true],
  ['what a protocol needs', { kind: 'session' }, false],
])('%s: an act of the agent is %j', (_what, parts, expected) => {
  expect(isRecorded(asked(parts))).toBe(expected);
});

test('what other agents answer is not ordered to be reported', () => {
  expect(canReport(asked({ tool: { operation: 'SendMessage', attributes: { direction: 'client_to_server' } } }))).toBe(
    false,
  );
});
