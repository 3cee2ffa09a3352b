import { expect, test } from '@jest/globals';
import { compileBundle, linkBundle } from '@portcullis/policy';
import type { ContextualRequest } from '@portcullis/policy/model';
import { adjudicateListing, isListing } from './listing.js';

const bytes = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

function engineOf(...policies: readonly object[]) {
  const set = { name: 's', layer: 'platform', combining: 'priority', priority_order: 'desc', policies: 'p' };
  const manifest = { format: 'portcullis.policy/1', name: 'b', version: '1.0.0', sets: [set] };
  const result = compileBundle(
    new Map([
      ['bundle.yaml', bytes(manifest)],
      ['p/a.json', bytes(policies.map((policy, index) => ({ name: `P ${index}`, priority: 1, ...policy })))],
    ]),
  );
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return linkBundle(result.value);
}

const LISTING: ContextualRequest = {
  version: '1.0',
  tenant_id: 'acme',
  source: 'mcp_proxy',
  kind: 'tool_list',
  agent: { id: 'a' },
  tool: { server: 'files', name: 'read', operation: 'tools/list' },
  context: { timestamp: '2026-01-01T00:00:00Z', request_id: 'r' },
};
const SHOW = { when: 'always', on: ['tool_list'], effect: 'allow' };
const called = (when: unknown, effect: string, priority = 1) => ({ when, on: ['tool_call'], effect, priority });
const path = { field: 'tool.arguments.path', operator: 'starts_with', value: '/tmp/' };
const read = { field: 'tool.name', operator: 'equals', value: 'read' };

test.each([
  ['whose call depends on its arguments is shown', [SHOW, called(path, 'allow')], 'allow'],
  ['whose call people would be asked about is shown', [SHOW, called(read, 'require_hitl')], 'allow'],
  ['of which no call is allowed is not shown', [SHOW], 'deny'],
  ['of which every call is denied is not shown', [SHOW, called(read, 'deny', 9), called(path, 'allow')], 'deny'],
  ['is not shown where no list may be had', [called('always', 'allow')], 'deny'],
])('a tool %s', (_what, policies, effect) => {
  const verdict = adjudicateListing(LISTING, engineOf(...policies));
  expect(verdict.effect).toBe(effect);
  expect(verdict.deny.length > 0).toBe(effect === 'deny');
});

test('a list by itself is no listing of a tool, nor is a call', () => {
  const { name: _name, ...nameless } = LISTING.tool ?? {};
  expect([LISTING, { ...LISTING, tool: nameless }, { ...LISTING, kind: 'tool_call' as const }].map(isListing)).toEqual([
    true,
    false,
    false,
  ]);
});
