import { constants } from 'node:crypto';
import type { SecureContextOptions } from 'node:tls';
import type { TlsPair } from './material.js';

/** TLS 1.3 with our certificate and our authorities, for either side. */
export function contextOptions(pair: TlsPair): SecureContextOptions {
  return { cert: pair.cert, key: pair.key, ca: pair.ca, minVersion: 'TLSv1.3' };
}

/**
 * For servers, without session tickets as well: a resumed session would carry a client certificate past the checks of
 * a later authority or validity.
 */
export function serverContextOptions(pair: TlsPair): SecureContextOptions {
  return { ...contextOptions(pair), secureOptions: constants.SSL_OP_NO_TICKET };
}
