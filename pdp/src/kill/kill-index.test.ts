import { describe, expect, test } from '@jest/globals';
import type { CanonicalRequest } from '@portcullis/policy/model';
import type { Kill, KillScope } from '@portcullis/policy/trust';
import { indexKills } from './kill-index.js';

const NOW = Date.parse('2026-01-01T00:00:00Z');
const kill = (scope: KillScope, more: Partial<Kill> = {}): Kill => ({
  id: 'k-1',
  scope,
  reason: 'drill',
  actor: 'ops',
  at: '2026-01-01T00:00:00Z',
  ...more,
});

function request(tool?: CanonicalRequest['tool'], agent = 'analyst', tenant = 'acme'): CanonicalRequest {
  return {
    version: '1.0',
    tenant_id: tenant,
    source: 'sdk',
    kind: 'tool_call',
    agent: { id: agent },
    ...(tool === undefined ? {} : { tool }),
    context: { timestamp: '2026-01-01T00:00:00Z', request_id: 'r-1' },
  };
}

const AGENT: KillScope = { kind: 'agent', tenant: 'acme', agent: 'analyst' };
const TOOL: KillScope = { kind: 'tool', server: 'github', name: 'delete' };
const SERVER: KillScope = { kind: 'tool', server: 'github', name: '*' };

describe('what a kill stops', () => {
  test.each<[string, KillScope, CanonicalRequest, string | undefined]>([
    ['all: everything', { kind: 'all' }, request(), ''],
    ['a tenant: its agents', { kind: 'tenant', tenant: 'acme' }, request(undefined, 'any'), 'tenant_id'],
    [
      'a tenant: not those of others',
      { kind: 'tenant', tenant: 'acme' },
      request(undefined, 'any', 'rival'),
      undefined,
    ],
    ['an agent: whatever it attempts', AGENT, request({ server: 's', name: 'n' }), 'agent.id'],
    ['an agent: not another', AGENT, request(undefined, 'other'), undefined],
    ['an agent: not its namesake of another tenant', AGENT, request(undefined, 'analyst', 'rival'), undefined],
    ['a tool: for everybody', TOOL, request({ server: 'github', name: 'delete' }, 'other', 'rival'), 'tool.name'],
    ['a tool: not another of its server', TOOL, request({ server: 'github', name: 'read' }), undefined],
    ['a tool: not its namesake of another server', TOOL, request({ server: 'gitlab', name: 'delete' }), undefined],
    ['a tool: also when nobody says on which server', TOOL, request({ name: 'delete' }), 'tool.name'],
    ['a tool: not an attempt without one', TOOL, request(), undefined],
    ['a server: every tool', SERVER, request({ server: 'github', name: 'read' }), 'tool.server'],
    ['a server: its sessions and lists too', SERVER, request({ server: 'github' }), 'tool.server'],
    ['a server: not another', SERVER, request({ server: 'gitlab', name: 'read' }), undefined],
  ])('%s', (_what, scope, asked, path) => {
    const found = indexKills([kill(scope)])(asked, NOW);
    expect(found).toEqual(
      path === undefined
        ? undefined
        : { code: 'KILL_SWITCH', message: 'stopped by the kill switch (k-1): drill', path },
    );
  });

  test('names cannot be put together to mean another', () => {
    const find = indexKills([kill({ kind: 'tool', server: 'a', name: 'b","c' })]);
    expect(find(request({ server: 'a","b', name: 'c' }), NOW)).toBeUndefined();
    expect(find(request({ server: 'a', name: 'b","c' }), NOW)).toBeDefined();
  });

  test('one that has ended does not hide another', () => {
    const find = indexKills([
      kill(AGENT, { expires: '2026-01-01T00:00:01Z' }),
      kill(AGENT, { id: 'k-2', expires: '2026-01-01T00:00:02Z' }),
    ]);
    expect(find(request(), NOW)?.message).toContain('k-1');
    expect(find(request(), NOW + 1_000)?.message).toContain('k-2');
    expect(find(request(), NOW + 2_000)).toBeUndefined();
  });
});
