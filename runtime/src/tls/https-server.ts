import type { Server, TlsOptions } from 'node:tls';
import type { TlsMaterial } from './material.js';
import { serverContextOptions } from './settings.js';

/** Options for an HTTPS server that requires a client certificate of our authorities. */
export function httpsServerOptions(material: TlsMaterial): TlsOptions {
  return { ...serverContextOptions(material.current()), requestCert: true, rejectUnauthorized: true };
}

/** Lets a running server follow `material`; connections that are up keep what they began with. Returns the stop. */
export function followTlsMaterial(server: Pick<Server, 'setSecureContext'>, material: TlsMaterial): () => void {
  return material.onChange((pair) => server.setSecureContext(serverContextOptions(pair)));
}
