import { describe, expect, test } from '@jest/globals';
import { createFakeClock } from '../fixtures/fake-clock.js';
import { type AuthenticatedCall, createCallerReader } from './peer.js';

const clock = createFakeClock(Date.parse('2026-11-21T12:00:00Z'));
const reader = createCallerReader({ trustDomain: 'portcullis.test', clock });

/** A call whose TLS layer presented a certificate with these alternative names. */
function callWith(subjectaltname: string | undefined, validTo = 'Nov 21 13:00:00 2026 GMT'): AuthenticatedCall {
  const sslPeerCertificate = { subjectaltname, valid_from: 'Nov 21 11:00:00 2026 GMT', valid_to: validTo };
  return { getAuthContext: () => ({ transportSecurityType: 'ssl', sslPeerCertificate }) as never };
}

const AGENT_ID = 'URI:spiffe://portcullis.test/tenant/acme/agent/analyst';

describe('the caller', () => {
  test.each([
    ['an agent', AGENT_ID, { kind: 'agent', tenant: 'acme', agent: 'analyst' }],
    ['a gateway', 'URI:spiffe://portcullis.test/gateway/edge', { kind: 'gateway', name: 'edge' }],
  ])('%s', (_name, san, identity) => {
    expect(reader.callerOf(callWith(san)).identity).toMatchObject(identity);
  });

  test.each([
    ['no certificate', undefined],
    ['no URI', 'DNS:localhost'],
    ['two URIs', `${AGENT_ID}, URI:spiffe://portcullis.test/gateway/edge`],
    ['another trust domain', 'URI:spiffe://elsewhere.test/tenant/acme/agent/analyst'],
    ['an unknown kind', 'URI:spiffe://portcullis.test/admin/root'],
    ['a PDP', 'URI:spiffe://portcullis.test/pdp/one'],
    ['a distributor', 'URI:spiffe://portcullis.test/distributor/one'],
    ['a publisher', 'URI:spiffe://portcullis.test/publisher/ci'],
  ])('is refused: %s', (_name, san) => {
    const call = san === undefined ? { getAuthContext: () => ({}) } : callWith(san);
    expect(() => reader.callerOf(call)).toThrow(expect.objectContaining({ kind: 'unauthenticated' }));
  });

  test.each([
    ['expired', 'Nov 21 11:59:59 2026 GMT'],
    ['without a readable end', 'soon'],
  ])('is refused with a certificate that is %s', (_name, validTo) => {
    expect(() => reader.callerOf(callWith(AGENT_ID, validTo))).toThrow(
      expect.objectContaining({ kind: 'unauthenticated' }),
    );
  });

  test('is read once per connection, and its validity at every call', () => {
    const session = {};
    const first = Object.assign(callWith(AGENT_ID), { call: { stream: { session } } });
    const again = { getAuthContext: () => ({}), call: { stream: { session } } };
    const elsewhere = { getAuthContext: () => ({}), call: { stream: { session: {} } } };
    expect(reader.callerOf(first).identity).toEqual(reader.callerOf(again).identity);
    expect(() => reader.callerOf(elsewhere)).toThrow(expect.objectContaining({ kind: 'unauthenticated' }));
    clock.advance(3_600_001);
    expect(() => reader.callerOf(again)).toThrow(expect.objectContaining({ kind: 'unauthenticated' }));
    clock.advance(-3_600_001);
  });

  test('that is refused is read again', () => {
    const session = {};
    const nobody = { getAuthContext: () => ({}), call: { stream: { session } } };
    expect(() => reader.callerOf(nobody)).toThrow();
    expect(
      reader.callerOf(Object.assign(callWith(AGENT_ID), { call: { stream: { session } } })).identity,
    ).toBeDefined();
  });

  test('stops being valid while the connection lives', () => {
    const caller = reader.callerOf(callWith(AGENT_ID));
    expect(caller.isValidNow()).toBe(true);
    clock.advance(3_600_001);
    expect(caller.isValidNow()).toBe(false);
    clock.advance(-3_600_001);
  });
});
