import { describe, expect, test } from '@jest/globals';
import { type CanonicalRequest, DENY_CODES } from '@portcullis/policy/model';
import { FAULT_KINDS, PortcullisError } from '@portcullis/runtime';
import type { RefusedAttempt } from '../ask/port.js';
import { decisionOn } from '../testing/fake-policy-client.js';
import { memoryLog } from '../testing/proxy-harness.js';
import { createRefuser, DENY_CODE_OF_FAULT, REFUSALS, RPC_CODE } from './refuse.js';

function refuserWithBooks() {
  const { log, logged } = memoryLog();
  const counted: string[] = [];
  const recorded: RefusedAttempt[] = [];
  const refuser = createRefuser({
    source: 'mcp_proxy',
    log,
    observer: {
      refused: (source, outcome) => counted.push(`${source} ${outcome}`),
      failedClosed: (code) => counted.push(`closed ${code}`),
    },
    records: { refused: (attempt) => recorded.push(attempt) },
  });
  return { refuser, counted, logged, recorded };
}

test.each(DENY_CODES)('%s has a row whose numbers the protocols allow', (code) => {
  const { rpcCode, httpStatus, outcome, message } = REFUSALS[code];
  expect(httpStatus).toBeGreaterThanOrEqual(400);
  expect(message).not.toBe('');
  const ours = rpcCode > -32000 || rpcCode < -32768;
  const standard = new Set<number>([RPC_CODE.invalidRequest, RPC_CODE.methodNotFound, RPC_CODE.internalError]);
  expect(ours || standard.has(rpcCode)).toBe(true);
  const { refuser, counted, logged } = refuserWithBooks();
  expect(refuser.refuse(code)).toMatchObject({ kind: 'refusal', code, outcome });
  expect(counted).toEqual([`mcp_proxy ${outcome}`, ...(outcome === 'failed_closed' ? [`closed ${code}`] : [])]);
  expect(logged.join('').includes('"level":"error"')).toBe(outcome === 'failed_closed');
});

test.each(FAULT_KINDS)('a fault of kind %s is a refusal that keeps its text to the log', (kind) => {
  const { refuser, logged } = refuserWithBooks();
  const refusal = refuser.fault(new PortcullisError('ERR_X', kind, 'inner text'));
  expect(refusal.code).toBe(DENY_CODE_OF_FAULT[kind]);
  expect(JSON.stringify(refusal)).not.toContain('inner text');
  expect(logged.join('')).toContain(`"deny_code":"${refusal.code}"`);
});

test.each([undefined, null, 'text', 0, new TypeError('x')])('whatever is thrown (%p) is a refusal', (thrown) => {
  expect(refuserWithBooks().refuser.fault(thrown).kind).toBe('refusal');
});

const REQUEST: CanonicalRequest = {
  version: '1.0',
  tenant_id: 'acme',
  source: 'mcp_proxy',
  kind: 'tool_call',
  agent: { id: 'a1' },
  tool: { server: 'files', name: 'read', operation: 'tools/call', arguments: { secret: 'hunter2' } },
  context: { request_id: 'r1', timestamp: '2026-01-01T00:00:00.000Z' },
};

describe('on record', () => {
  test.each(DENY_CODES)('is every refusal that no decision stands for (%s), once, without its sentence', (code) => {
    const { refuser, recorded } = refuserWithBooks();
    const { httpStatus } = refuser.refuse(code, { message: 'you sent hunter2', request: REQUEST });
    const target = { server: 'files', name: 'read', operation: 'tools/call' };
    expect(recorded).toEqual([{ source: 'mcp_proxy', code, reason: undefined, status: httpStatus, target }]);
    expect(JSON.stringify(recorded)).not.toContain('hunter2');
  });

  test('is what it would have reached, and nothing of what was sent there', () => {
    const { refuser, recorded } = refuserWithBooks();
    const { tool: _tool, ...bare } = REQUEST;
    const egress = { scheme: 'https', host: 'site.test', port: 443, method: 'GET', path: '/hunter2' };
    refuser.refuse('PDP_UNAVAILABLE', { request: { ...bare, egress } });
    refuser.refuse('PDP_UNAVAILABLE', { request: { ...bare, request: { model: 'm', query: 'hunter2' } } });
    expect(recorded.map(({ target }) => target.reached)).toStrictEqual([
      { host: 'site.test', method: 'GET', port: 443, scheme: 'https' },
      { model: 'm' },
    ]);
    expect(JSON.stringify(recorded)).not.toContain('hunter2');
  });

  test('is why, by a word of ours', () => {
    const { refuser, recorded } = refuserWithBooks();
    refuser.refuse('REQUEST_INVALID', { rpcCode: RPC_CODE.parseError, target: { server: 'files' } });
    refuser.refuse('REQUEST_INVALID', { reason_code: 'A_WORD', rpcCode: RPC_CODE.parseError });
    expect(recorded).toMatchObject([{ reason: 'JSONRPC -32700', target: { server: 'files' } }, { reason: 'A_WORD' }]);
  });

  test('is what nobody answered, and what broke', () => {
    const { refuser, recorded } = refuserWithBooks();
    refuser.unanswered({ code: 'PDP_TIMEOUT', message: 'late' }, REQUEST);
    refuser.fault(new Error('broke'), REQUEST);
    expect(recorded.map(({ code }) => code)).toEqual(['PDP_TIMEOUT', 'INTERNAL_ERROR']);
  });

  test('is what a decision allowed, and we refused', () => {
    const { refuser, recorded } = refuserWithBooks();
    refuser.refuse('OBLIGATION_UNSUPPORTED', { decision_id: 'd1', request: REQUEST });
    expect(recorded).toMatchObject([{ code: 'OBLIGATION_UNSUPPORTED', decision_id: 'd1', target: { name: 'read' } }]);
  });

  test('is nothing that a PDP has a record of', () => {
    const { refuser, recorded } = refuserWithBooks();
    const deny = [{ code: 'POLICY_DENIED', message: '', path: '' }] as const;
    refuser.decided(decisionOn(REQUEST, { allow: false, effect: 'deny', deny }), REQUEST);
    refuser.decided(decisionOn(REQUEST, { allow: false, effect: 'hold' }), REQUEST);
    expect(recorded).toEqual([]);
  });
});
