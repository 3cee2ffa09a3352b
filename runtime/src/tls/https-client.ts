import { createRequire } from 'node:module';
import type { buildConnector, Dispatcher } from 'undici';
import { PortcullisError } from '../errors/portcullis-error.js';
import type { TlsMaterial, TlsPair } from './material.js';
import { type ClientIdentityOptions, identityCheck } from './server-identity.js';
import { contextOptions } from './settings.js';

/** A connection that is not up after this is given up. */
const CONNECT_TIMEOUT_MS = 5_000;

/**
 * An undici dispatcher that presents our certificate, accepts only servers that chain to our authorities and whose
 * SPIFFE identity `acceptServer` accepts, and follows `material` at every new connection. Plain HTTP is refused.
 * undici (4 MB, some 60 ms) is loaded by the first call, so that processes which never make one do not pay for it.
 */
export function undiciDispatcher(material: TlsMaterial, options: ClientIdentityOptions): Dispatcher {
  const undici = createRequire(import.meta.url)('undici') as typeof import('undici');
  const checkServerIdentity = identityCheck(options.acceptServer);
  let made: { readonly pair: TlsPair; readonly connect: buildConnector.connector } | undefined;

  const connectorFor = (pair: TlsPair): buildConnector.connector => {
    if (made?.pair !== pair) {
      const connect = undici.buildConnector({
        ...contextOptions(pair),
        checkServerIdentity,
        rejectUnauthorized: true,
        allowH2: false,
        // A resumed session skips the identity check.
        maxCachedSessions: 0,
        timeout: CONNECT_TIMEOUT_MS,
      });
      made = { pair, connect };
    }
    return made.connect;
  };

  return new undici.Agent({
    connect: (target, callback) => {
      if (target.protocol !== 'https:') {
        callback(new PortcullisError('ERR_TLS_REQUIRED', 'invalid', 'only https is allowed here'), null);
        return;
      }
      connectorFor(material.current())(target, callback);
    },
  });
}
