import { describe, expect, test } from '@jest/globals';
import { MAX_TARGET_TEXT } from '@portcullis/policy/model';
import { loadDecisionService } from '../decision-service.js';
import type * as Wire from '../wire.js';
import { fromWireReuse, type ReuseReport, toWireReuse } from './reuse.js';

const { requestSerialize, requestDeserialize } = loadDecisionService().Settle;
const REPORT: ReuseReport = {
  decision_id: '00000000-0000-4000-8000-000000000002',
  reuse_of: '00000000-0000-4000-8000-000000000001',
  request_digest: 'ab'.repeat(32),
  tenant_id: 'acme',
  agent_id: 'analyst',
  tool: { server: 'files', name: 'read', operation: 'read' },
  arguments_digest: 'cd'.repeat(32),
  bundle_digest: 'ef'.repeat(32),
  policy_version: '1.0.0',
  release_seq: 7,
  matched: [{ policy: 'p', version: '1', layer: 'tenant', effect: 'allow', conditions: ['tool.name'] }],
  at: '2026-01-01T00:00:00.000Z',
};

function travelled(report: Wire.Reuse): Wire.Reuse__Output {
  const [reuse] = requestDeserialize(requestSerialize({ reuses: [report] })).reuses ?? [];
  return reuse ?? {};
}

const TARGET = {
  host: 'site.test',
  method: 'CONNECT',
  model: 'm',
  peer: 'planner',
  port: 443,
  provider: 'p',
  scheme: 'https',
  skill: 'book',
};

describe('a report of a reuse', () => {
  const { arguments_digest: _without, ...bare } = REPORT;
  test.each<[string, ReuseReport]>([
    ['with everything', { ...REPORT, target: TARGET }],
    ['of no place', REPORT],
    ['of a host alone', { ...REPORT, target: { host: 'x'.repeat(MAX_TARGET_TEXT) } }],
    ['of an attempt without a tool', { ...bare, tool: {} }],
    ['with an empty name', { ...REPORT, tool: { name: '' } }],
  ])('arrives as it was sent: %s', (_name, report) => {
    expect(fromWireReuse(travelled(toWireReuse(report)))).toStrictEqual({ ok: true, value: report });
  });

  test.each<[string, Wire.Reuse, string]>([
    ['an id', { decision_id: '' }, 'decision_id'],
    ['the decision that it is of', { reuse_of: '' }, 'reuse_of'],
    ['a whole digest', { request_digest: Buffer.alloc(31) }, 'request_digest'],
    ['a whole digest of arguments', { arguments_digest: Buffer.alloc(1) }, 'arguments_digest'],
    ['an agent', { agent_id: '' }, 'agent_id'],
    ['a tenant', { tenant_id: '' }, 'tenant_id'],
    ['a bundle', { bundle_digest: '' }, 'bundle_digest'],
    ['a time', { at: 'yesterday' }, 'at'],
    ['a time as records have it', { at: '22 Nov 2026 (as an agent would put it)' }, 'at'],
    ['a short host', { target: { host: 'x'.repeat(MAX_TARGET_TEXT + 1) } }, 'target.host'],
    ['a port that is one', { target: { port: 65_536 } }, 'target.port'],
    ['a port from 1', { target: { port: 0 } }, 'target.port'],
  ])('is refused without %s', (_name, over, path) => {
    const message = travelled({ ...toWireReuse(REPORT), ...over });
    expect(fromWireReuse(message)).toMatchObject({ ok: false, problems: [{ path }] });
  });

  test('is refused when it is empty', () => {
    expect(fromWireReuse(travelled({})).ok).toBe(false);
  });
});
