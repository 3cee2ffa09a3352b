import { describe, expect, test } from '@jest/globals';
import { type PeerIdentity, parsePeerIdentity } from '@portcullis/proto';
import { PortcullisError } from '@portcullis/runtime';
import type { FastifyRequest } from 'fastify';
import { createFakeClock } from '../fixtures/fake-clock.js';
import { AGENT, GATEWAY } from '../fixtures/requests.js';
import { createCallerReader } from '../server/peer.js';
import { authenticated, createHttpCallers } from './caller.js';
import type { TokenReader } from './token.js';

const clock = createFakeClock(Date.parse('2026-11-21T12:00:00Z'));
const certificates = createCallerReader({ trustDomain: 'portcullis.test', clock });
const AGENT_ID = 'spiffe://portcullis.test/tenant/acme/agent/analyst';
/** A token is the id that it names. */
const tokens: TokenReader = {
  identityOf: async (token) => {
    const identity = parsePeerIdentity(`spiffe://portcullis.test/${token}`, 'portcullis.test');
    if (identity === undefined) throw new PortcullisError('ERR_IDENTITY_REJECTED', 'unauthenticated', 'no');
    return identity;
  },
};

/** A request over TLS whose client presented a certificate with this id. */
function requestWith(id: string | undefined, authorization?: string, authorized = true): FastifyRequest {
  const certificate = {
    subjectaltname: `URI:${id ?? ''}`,
    valid_from: 'Nov 21 11:00:00 2026 GMT',
    valid_to: 'Nov 21 13:00:00 2026 GMT',
  };
  const socket = {
    authorized: id !== undefined && authorized,
    getPeerX509Certificate: () => (id === undefined ? undefined : {}),
    getPeerCertificate: () => (id === undefined ? {} : certificate),
  };
  return { raw: { socket }, headers: { authorization } } as unknown as FastifyRequest;
}

describe('the caller over HTTP', () => {
  test.each<[string, FastifyRequest, PeerIdentity]>([
    ['by certificate', requestWith(AGENT_ID), AGENT],
    ['by token', requestWith(undefined, 'Bearer gateway/edge'), GATEWAY],
    ['by a scheme in small letters', requestWith(undefined, 'bearer gateway/edge'), GATEWAY],
    ['by both', requestWith(AGENT_ID, 'Bearer tenant/acme/agent/analyst'), AGENT],
  ])('%s', async (_name, request, identity) => {
    expect(await createHttpCallers({ certificates, tokens }).callerOf(request)).toEqual(identity);
  });

  test.each<[string, FastifyRequest]>([
    ['neither', requestWith(undefined)],
    ['a certificate of nobody that is trusted', requestWith(AGENT_ID, undefined, false)],
    ['such a one with a good token', requestWith(AGENT_ID, 'Bearer tenant/acme/agent/analyst', false)],
    ['a certificate of a PDP', requestWith('spiffe://portcullis.test/pdp/one')],
    ['two agents', requestWith(AGENT_ID, 'Bearer tenant/acme/agent/other')],
    ['the same agent of two tenants', requestWith(AGENT_ID, 'Bearer tenant/globex/agent/analyst')],
    ['an agent and a gateway', requestWith(AGENT_ID, 'Bearer gateway/edge')],
    ['a good certificate and a bad token', requestWith(AGENT_ID, 'Bearer x')],
    ['another scheme', requestWith(AGENT_ID, 'Basic YTpi')],
    ['a scheme without a token', requestWith(AGENT_ID, 'Bearer ')],
    ['two tokens', requestWith(undefined, 'Bearer gateway/edge, Bearer gateway/edge')],
    ['a plain connection', { raw: { socket: {} }, headers: {} } as unknown as FastifyRequest],
  ])('is nobody with %s', async (_name, request) => {
    const callers = createHttpCallers({ certificates, tokens });
    await expect(callers.callerOf(request)).rejects.toMatchObject({ kind: 'unauthenticated' });
  });

  test('a token is refused, not ignored, where none are accepted', async () => {
    const callers = createHttpCallers({ certificates, tokens: undefined });
    expect([await callers.callerOf(requestWith(AGENT_ID)), callers.challenge]).toEqual([AGENT, undefined]);
    const both = requestWith(AGENT_ID, 'Bearer tenant/acme/agent/analyst');
    await expect(callers.callerOf(both)).rejects.toMatchObject({ kind: 'unauthenticated' });
  });

  test('a certificate counts for nothing where certificates do not', async () => {
    const callers = createHttpCallers({ certificates: undefined, tokens });
    await expect(callers.callerOf(requestWith(AGENT_ID))).rejects.toMatchObject({ kind: 'unauthenticated' });
  });

  test('stops being valid while the connection lives', async () => {
    const callers = createHttpCallers({ certificates, tokens });
    const request = requestWith(AGENT_ID);
    expect(await callers.callerOf(request)).toEqual(AGENT);
    clock.advance(3_600_001);
    await expect(callers.callerOf(request)).rejects.toMatchObject({ kind: 'unauthenticated' });
    clock.advance(-3_600_001);
  });

  test('a handler that was reached unchecked has no caller', () => {
    expect(() => authenticated({ caller: undefined } as FastifyRequest)).toThrow(
      expect.objectContaining({ kind: 'unauthenticated' }),
    );
  });
});
