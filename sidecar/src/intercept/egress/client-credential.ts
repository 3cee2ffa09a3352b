/** Whether a client may use the proxy at all: one shared secret, presented as RFC 7617 has it. */

import { createHash, timingSafeEqual } from 'node:crypto';
import type { Refusal, Refuser } from '../../enforce/refuse.js';

/** What is wrong with a Proxy-Authorization field; nothing when it will do. */
export type ClientCheck = (proxyAuthorization: string | undefined) => Refusal | undefined;

/** @param expected `user:password`; without it everybody may */
export function createClientCheck(expected: string | undefined, refuser: Refuser): ClientCheck {
  if (expected === undefined) return () => undefined;
  const wanted = digest(Buffer.from(expected, 'utf8'));
  return (field) => {
    const [, encoded] = /^basic +([A-Za-z0-9+/=]+) *$/i.exec(field ?? '') ?? [];
    const given = digest(Buffer.from(encoded ?? '', 'base64'));
    if (encoded !== undefined && timingSafeEqual(given, wanted)) return undefined;
    return refuser.refuse('REQUEST_INVALID', {
      message: 'this proxy wants credentials: http://user:password@host:port in HTTP_PROXY',
      httpStatus: 407,
    });
  };
}

function digest(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest();
}
