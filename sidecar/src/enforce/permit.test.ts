import { expect, test } from '@jest/globals';
import type { CanonicalRequest } from '@portcullis/policy/model';
import { requestDigestHex } from '@portcullis/proto';
import { decisionOn } from '../testing/fake-policy-client.js';
import { isPermit, mintPermit, type Permit, requirePermit, usedPermit } from './permit.js';

const request: CanonicalRequest = {
  version: '1.0',
  tenant_id: 't',
  source: 'mcp_proxy',
  agent: { id: 'a' },
  context: { timestamp: '2026-01-01T00:00:00.000Z', request_id: 'r' },
};
const subject = {
  request,
  digest: requestDigestHex(request),
  server: 'files',
  direction: 'client_to_server',
  payload: '{}',
} as const;

function genuine(): Permit {
  const permit = mintPermit(decisionOn(request), subject);
  if (permit === undefined) throw new Error('not minted');
  return permit;
}

test('an allow about this request mints a permit that carries its bytes', () => {
  const permit = genuine();
  expect(permit).toMatchObject({ request_digest: subject.digest, server: 'files', payload: '{}' });
  expect(Object.isFrozen(permit)).toBe(true);
  expect(() => requirePermit(permit, 'files', 'client_to_server')).not.toThrow();
});

test('what is left of a used permit has no bytes, and sends none', () => {
  const used = usedPermit(genuine());
  expect(used).toMatchObject({ request_digest: subject.digest, server: 'files' });
  expect(used).not.toHaveProperty('payload');
  expect(() => requirePermit(used as Permit, 'files', 'client_to_server')).toThrow('not a permit');
});

test.each([
  ['denied', { allow: false, effect: 'deny' as const }],
  ['held', { allow: false, effect: 'hold' as const }],
  ['allow says no', { allow: false }],
  ['effect says no', { effect: 'hold' as const }],
  ['about another request', { request_digest: 'a'.repeat(64) }],
  ['about nothing', { request_digest: '' }],
  ['anonymous', { decision_id: '' }],
  ['names a denial', { deny: [{ code: 'POLICY_DENIED' as const, message: '', path: '' }] }],
])('%s mints nothing', (_name, parts) => {
  expect(mintPermit(decisionOn(request, parts), subject)).toBeUndefined();
});

test('an empty digest on both sides is no match', () => {
  expect(mintPermit(decisionOn(request, { request_digest: '' }), { ...subject, digest: '' })).toBeUndefined();
});

test('a copy, another server and the other direction are refused', () => {
  const permit = genuine();
  expect(isPermit({ ...permit })).toBe(false);
  expect(() => requirePermit({ ...permit }, 'files', 'client_to_server')).toThrow('not a permit');
  expect(() => requirePermit(permit, 'other', 'client_to_server')).toThrow('another server');
  expect(() => requirePermit(permit, 'files', 'server_to_client')).toThrow('other direction');
});

test('a permit cannot be written by hand', () => {
  // @ts-expect-error the brand has no name outside its module
  const forged: Permit = {
    decision_id: 'd',
    request_digest: 'x',
    server: 's',
    direction: 'client_to_server',
    payload: '',
  };
  expect(isPermit(forged)).toBe(false);
});
