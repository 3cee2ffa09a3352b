import { expect, test } from '@jest/globals';
import { DENY_CODES } from '@portcullis/policy/model';
import { REFUSALS, RPC_CODE } from '@portcullis/sidecar';

/** What agents and their operators branch on. Add to these; never change or reuse one. */
const CODES = [
  ['POLICY_DENIED', 'denied', -31403, 403],
  ['APPROVAL_REQUIRED', 'held', -31428, 403],
  ['APPROVAL_REFUSED', 'denied', -31403, 403],
  ['APPROVAL_UNAVAILABLE', 'failed_closed', -31503, 503],
  ['NO_MATCHING_POLICY', 'denied', -31403, 403],
  ['POLICY_ERROR', 'denied', -31403, 403],
  ['QUOTA_EXCEEDED', 'denied', -31403, 429],
  ['QUOTA_UNAVAILABLE', 'failed_closed', -31503, 503],
  ['KILL_SWITCH', 'denied', -31403, 403],
  ['NO_VALID_BUNDLE', 'failed_closed', -31503, 503],
  ['REQUEST_INVALID', 'invalid', -32600, 400],
  ['IDENTITY_REJECTED', 'failed_closed', -31503, 403],
  ['METHOD_UNKNOWN', 'denied', -32601, 404],
  ['TOOL_QUARANTINED', 'denied', -31403, 403],
  ['PDP_UNAVAILABLE', 'failed_closed', -31503, 503],
  ['PDP_TIMEOUT', 'failed_closed', -31503, 503],
  ['PDP_BREAKER_OPEN', 'failed_closed', -31503, 503],
  ['PDP_REPLY_INVALID', 'failed_closed', -31503, 503],
  ['OBLIGATION_UNSUPPORTED', 'failed_closed', -31503, 503],
  ['AUDIT_UNAVAILABLE', 'failed_closed', -31503, 503],
  ['SHUTTING_DOWN', 'failed_closed', -31503, 503],
  ['INTERNAL_ERROR', 'failed_closed', -32603, 500],
] as const;

test('the list of deny codes, in its order', () => {
  expect([...DENY_CODES]).toEqual(CODES.map(([code]) => code));
});

test('how each is answered', () => {
  const answers = Object.entries(REFUSALS).map(([code, row]) => [code, [row.outcome, row.rpcCode, row.httpStatus]]);
  expect(Object.fromEntries(answers)).toEqual(Object.fromEntries(CODES.map(([code, ...answer]) => [code, answer])));
});

test('JSON-RPC error codes', () => {
  expect(RPC_CODE).toEqual({
    parseError: -32700,
    invalidRequest: -32600,
    methodNotFound: -32601,
    invalidParams: -32602,
    internalError: -32603,
    headerMismatch: -32020,
    unsupportedProtocolVersion: -32022,
    denied: -31403,
    held: -31428,
    upstreamFailed: -31502,
    failedClosed: -31503,
  });
});
