import { describe, expect, test } from '@jest/globals';
import { DENY_CODES, MAX_TARGET_TEXT, SOURCES } from '@portcullis/policy/model';
import { loadDecisionService } from '../decision-service.js';
import type * as Wire from '../wire.js';
import { fromWireRefusal, MAX_REFUSAL_TEXT, type RefusalReport, toWireRefusal } from './refusal.js';

const { requestSerialize, requestDeserialize } = loadDecisionService().Settle;
const REPORT: RefusalReport = {
  refusal_id: '00000000-0000-4000-8000-000000000001',
  source: 'egress_proxy',
  code: 'REQUEST_INVALID',
  reason: 'EGRESS_TLS_HANDSHAKE',
  status: 400,
  tool: { server: 'site.test:443', name: 'x', operation: 'CONNECT' },
  count: 3,
  at: '2026-01-01T00:00:00.000Z',
  last_at: '2026-01-01T00:00:00.900Z',
};

function travelled(report: Wire.Refusal): Wire.Refusal__Output {
  const [refusal] = requestDeserialize(requestSerialize({ refusals: [report] })).refusals ?? [];
  return refusal ?? {};
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

describe('a report of refusals', () => {
  const { reason: _without, ...bare } = REPORT;
  test.each<[string, RefusalReport]>([
    ['with everything', { ...REPORT, target: TARGET }],
    ['of no place', REPORT],
    ['of a host alone', { ...REPORT, target: { host: 'x'.repeat(MAX_TARGET_TEXT) } }],
    ['about nothing that was read', { ...bare, tool: {} }],
    ['of what was allowed', { ...REPORT, decision_id: '00000000-0000-4000-8000-000000000002' }],
    ...SOURCES.map((source): [string, RefusalReport] => [`of ${source}`, { ...REPORT, source }]),
    ...DENY_CODES.map((code): [string, RefusalReport] => [`with ${code}`, { ...REPORT, code }]),
    ['with the longest text', { ...REPORT, tool: { server: 'x'.repeat(MAX_REFUSAL_TEXT) } }],
  ])('arrives as it was sent: %s', (_name, report) => {
    expect(fromWireRefusal(travelled(toWireRefusal(report)))).toStrictEqual({ ok: true, value: report });
  });

  test.each<[string, Wire.Refusal, string]>([
    ['an id', { refusal_id: '' }, 'refusal_id'],
    ['a source', { source: 'SOURCE_UNSPECIFIED' }, 'source'],
    ['a code', { code: 'DENY_CODE_UNSPECIFIED' }, 'code'],
    ['a status of a refusal', { status: 200 }, 'status'],
    ['a count', { count: 0 }, 'count'],
    ['a time', { at: 'yesterday' }, 'at'],
    ['a time in the one form', { last_at: '2026-01-01' }, 'last_at'],
    ['a short server', { server: 'x'.repeat(MAX_REFUSAL_TEXT + 1) }, 'server'],
    ['a short tool', { tool: 'x'.repeat(MAX_REFUSAL_TEXT + 1) }, 'tool'],
    ['a short operation', { operation: 'x'.repeat(MAX_REFUSAL_TEXT + 1) }, 'operation'],
    ['a short decision', { decision_id: 'x'.repeat(MAX_REFUSAL_TEXT + 1) }, 'decision_id'],
    ['a short reason', { reason: 'x'.repeat(MAX_REFUSAL_TEXT + 1) }, 'reason'],
    ['a short host', { target: { host: 'x'.repeat(MAX_TARGET_TEXT + 1) } }, 'target.host'],
    ['a port that is one', { target: { port: 65_536 } }, 'target.port'],
    ['a port from 1', { target: { port: 0 } }, 'target.port'],
  ])('is refused without %s', (_name, over, path) => {
    const message = travelled({ ...toWireRefusal(REPORT), ...over });
    expect(fromWireRefusal(message)).toMatchObject({ ok: false, problems: [{ path }] });
  });

  test('is refused when it is empty', () => {
    expect(fromWireRefusal(travelled({})).ok).toBe(false);
  });
});
