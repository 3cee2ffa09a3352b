import { expect, test } from '@jest/globals';
import { DENY_CODES } from '@portcullis/policy/model';
import { FAULT_KINDS, PortcullisError } from '@portcullis/runtime';
import { memoryLog } from '../testing/proxy-harness.js';
import { createRefuser, DENY_CODE_OF_FAULT, REFUSALS, RPC_CODE } from './refuse.js';

function refuserWithBooks() {
  const { log, logged } = memoryLog();
  const counted: string[] = [];
  const refuser = createRefuser({
    source: 'mcp_proxy',
    log,
    observer: {
      refused: (source, outcome) => counted.push(`${source} ${outcome}`),
      failedClosed: (code) => counted.push(`closed ${code}`),
    },
  });
  return { refuser, counted, logged };
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
